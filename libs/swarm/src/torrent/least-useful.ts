import type { Neighbour } from './neighbour.js';

/** So long a neighbour has time to show what it is here for, milliseconds. */
const GRACE_MS = 10_000;
/** And after it gave or took something, milliseconds. */
const IDLE_MS = 30_000;

/**
 * Who may be parted from when a place is needed: a neighbour that has given and taken no payload for a while,
 * of the host that has most of them, so that one machine with many connections keeps nobody else out; of
 * those the one that is here longest. An origin is kept: it speaks up when it is its turn.
 * @param now monotonic milliseconds
 * @returns null when everybody is of use
 */
export function leastUseful(neighbours: Iterable<Neighbour>, now: number): Neighbour | null {
  const idle = new Map<string, Neighbour[]>();
  for (const neighbour of neighbours) {
    const { since, lastPayloadAt, connection, host } = neighbour;
    if (now - since < GRACE_MS || now - lastPayloadAt < IDLE_MS) continue;
    if (connection.role === 'origin' || connection.isClosed) continue;
    const others = idle.get(host);
    if (others) others.push(neighbour);
    else idle.set(host, [neighbour]);
  }
  let most: readonly Neighbour[] = [];
  for (const those of idle.values()) if (those.length > most.length) most = those;
  return most.toSorted((left, right) => left.since - right.since)[0] ?? null;
}
