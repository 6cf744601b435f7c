import { afterEach, expect, it } from 'vitest';

import { VirtualClock } from '#lib/runtime';
import { decodeRunMessage, type IndexRange, type WireMessage } from '#lib/wire';

import { Bitfield } from '../bitfield.js';
import { memberThat, passTime, rejectSpan, sendSpan } from './bad-peers.fixture.js';
import { KIB, SECRET, TestFleet, artifactOf, eventually } from './session.fixture.js';
import { WireClient } from './wire-client.fixture.js';

const PIECES = 16;
const artifact = artifactOf({ files: [PIECES * 64 * KIB], pieceLength: 64 * KIB });
let fleet: TestFleet;

afterEach(() => fleet.close());

/** Ranges of pieces that a member was told of, by message. */
function newsFor({ messages }: WireClient): readonly (readonly IndexRange[])[] {
  const runMessages = messages.filter(
    (message): message is WireMessage & { type: 'extended' } =>
      message.type === 'extended' && message.id === 2,
  );
  return runMessages.flatMap(({ payload }) => {
    const message = decodeRunMessage(payload);
    return message.type === 'have' ? [message.pieces] : [];
  });
}

const toldTo = (client: WireClient) => newsFor(client).flat();

it('a member is told of pieces that it lacks, and not of those that it has', async () => {
  fleet = new TestFleet(artifact);
  const machine = await fleet.add();
  const client = WireClient.dial(machine.session.port, { artifact, secret: SECRET });
  client.onMessage = (message) => {
    if (message.type !== 'extended' || message.id !== 2) return;
    const asked = decodeRunMessage(message.payload);
    if (asked.type === 'request') rejectSpan(client, asked.run, asked.offset, asked.length);
  };
  await client.until(() => client.isMember);
  const half = new Bitfield(PIECES);
  half.setRange(0, PIECES / 2);
  client.send({ type: 'bitfield', bits: half.toBuffer() });
  await eventually(() => machine.torrent.stats().neighbours[0]?.pieces).toBe(PIECES / 2);

  await fleet.add({ complete: true });
  await machine.torrent.done;
  // A range may begin with pieces that it has: what is verified together is told together.
  const reaches = ({ first, count }: IndexRange) => first + count - PIECES / 2;
  await eventually(() => {
    const lacked = toldTo(client).map((range) => Math.min(range.count, reaches(range)));
    return lacked.reduce((sum, count) => sum + Math.max(0, count), 0);
  }).toBe(PIECES / 2);
  expect(toldTo(client).filter((range) => reaches(range) <= 0)).toEqual([]);
});

it('a member that has enough to ask for is told of the rest together, and of all of it in the end', async () => {
  const pieces = 64;
  const large = artifactOf({ files: [pieces * 1024 * KIB], pieceLength: 1024 * KIB });
  fleet = new TestFleet(large);
  // Time passes only where the test lets it.
  const clock = new VirtualClock();
  const machine = await fleet.add({ session: { clock } });
  const client = WireClient.dial(machine.session.port, { artifact: large, secret: SECRET });
  await client.until(() => client.isMember);
  client.send({ type: 'haveNone' });
  const told = () => toldTo(client).reduce((sum, { count }) => sum + count, 0);
  const asked: (() => void)[] = [];
  let answers = 0;
  const source = await memberThat(large, '127.0.0.2', (from, run, offset, bytes) => {
    asked.push(() => sendSpan(from, run, offset, bytes));
    while (answers > 0 && asked.length > 0) asked.shift()!();
  });
  try {
    machine.torrent.addPeers([{ host: '127.0.0.2', port: source.port }]);
    await passTime(clock, () => asked.length > 0);
    for (let count = 1; count <= 8; count++) {
      await eventually(() => asked.length).toBeGreaterThan(0);
      asked.shift()!();
      await eventually(told).toBe(count);
    }
    answers = Infinity;
    for (const answer of asked.splice(0)) answer();
    await eventually(() => machine.torrent.have.count).toBeGreaterThan(pieces / 2);
    expect(newsFor(client).length).toBe(8);
    expect(told()).toBe(8);
    await passTime(clock, () => told() === pieces, 50);
    // The first eight at once, each; of the others those of a while are one message.
    expect(newsFor(client).length).toBeLessThan(pieces / 2);
  } finally {
    await source.close();
  }
});
