import { randomBytes } from 'node:crypto';

import { afterEach, expect, it } from 'vitest';

import { EXTENSION, decodeRunMessage, spanHeader } from '#lib/wire';

import { memberThat, sendSpan } from './bad-peers.fixture.js';
import { MIB, TestFleet, artifactOf, eventually } from './session.fixture.js';
import type { WireClient, WireServer } from './wire-client.fixture.js';

const artifact = artifactOf({ files: [2 * MIB], pieceLength: MIB });
const fleet = new TestFleet(artifact);
const opened: WireServer[] = [];

afterEach(async () => {
  await Promise.all(opened.map((server) => server.close()));
  await fleet.close();
});

interface Asked {
  readonly client: WireClient;
  readonly run: number;
  readonly bytes: Buffer;
}

/** A member that has everything, and leaves it to the test what it makes of requests. */
async function memberAt(host: string): Promise<{ port: number; asked: Asked[] }> {
  const asked: Asked[] = [];
  const server = await memberThat(artifact, host, (client, run, _offset, bytes) => {
    asked.push({ client, run, bytes });
  });
  opened.push(server);
  return { port: server.port, asked };
}

function sendPart({ client, run, bytes }: Asked, count: number): void {
  const id = client.extensions!.m.get(EXTENSION.run)!;
  client.socket.write(spanHeader(id, run, 0, bytes.length));
  client.socket.write(bytes.subarray(0, count));
}

const isCancelled = ({ client, run }: Asked) =>
  client.messages.some((message) => {
    if (message.type !== 'extended' || message.id !== 2) return false;
    const told = decodeRunMessage(message.payload);
    return told.type === 'cancel' && told.run === run;
  });

it('what comes of a span after it was cancelled is not written to memory that has another by then', async () => {
  // Nobody is replaced in the time of this test.
  const machine = await fleet.add({ timeouts: { patienceMs: 100, hungMs: 600_000 } });
  const received = () => machine.session.stats().received;
  const slow = await memberAt('127.0.0.2');
  machine.torrent.addPeers([{ host: '127.0.0.2', port: slow.port }]);
  await eventually(() => slow.asked.length).toBe(2);
  const [late] = slow.asked as [Asked];
  const before = received();
  sendPart(late, MIB / 4);
  await eventually(() => received() - before).toBeGreaterThan(MIB / 4);
  await eventually(() => machine.torrent.stats().neighbours[0]?.snubbed).toBe(true);

  const swift = await memberAt('127.0.0.3');
  machine.torrent.addPeers([{ host: '127.0.0.3', port: swift.port }]);
  await eventually(() => swift.asked.length).toBe(2);
  const same = swift.asked.find(({ run }) => run === late.run)!;
  const next = swift.asked.find(({ run }) => run !== late.run)!;
  sendSpan(same.client, same.run, 0, same.bytes);
  await late.client.until(() => isCancelled(late));
  // The memory is free now; what is verified is kept for a while, so the next span gets just this.
  const half = received();
  sendPart(next, (MIB * 3) / 4);
  await eventually(() => received() - half).toBeGreaterThan((MIB * 3) / 4);
  const rest = randomBytes((MIB * 3) / 4);
  const then = received();
  late.client.socket.write(rest);
  await eventually(() => received() - then).toBe(rest.length);
  next.client.socket.write(next.bytes.subarray((MIB * 3) / 4));

  // Had anything been written there, the sender of the next span would be taken for a liar.
  const outcome = () => [
    machine.torrent.have.count,
    machine.torrent.stats().bytes.wasted.hashFailure,
  ];
  await eventually(outcome).toEqual([2, 0]);
  expect((await machine.content()).equals(artifact.payload)).toBe(true);
  expect(machine.session.stats().bannedPeers).toBe(0);
});
