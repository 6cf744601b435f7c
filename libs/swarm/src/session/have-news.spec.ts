import { afterEach, expect, it } from 'vitest';

import { decodeRunMessage, type IndexRange, type WireMessage } from '#lib/wire';

import { Bitfield } from '../bitfield.js';
import { rejectSpan } from './bad-peers.fixture.js';
import { KIB, SECRET, TestFleet, artifactOf, eventually } from './session.fixture.js';
import { WireClient } from './wire-client.fixture.js';

const PIECES = 16;
const artifact = artifactOf({ files: [PIECES * 64 * KIB], pieceLength: 64 * KIB });
let fleet: TestFleet;

afterEach(() => fleet.close());

/** Ranges of pieces that a member was told of. */
function toldTo({ messages }: WireClient): readonly IndexRange[] {
  const runMessages = messages.filter(
    (message): message is WireMessage & { type: 'extended' } =>
      message.type === 'extended' && message.id === 2,
  );
  return runMessages.flatMap(({ payload }) => {
    const message = decodeRunMessage(payload);
    return message.type === 'have' ? message.pieces : [];
  });
}

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
  const machine = await fleet.add();
  const client = WireClient.dial(machine.session.port, { artifact: large, secret: SECRET });
  await client.until(() => client.isMember);
  client.send({ type: 'haveNone' });
  await fleet.add({ complete: true });
  await machine.torrent.done;
  const told = () => toldTo(client).reduce((sum, { count }) => sum + count, 0);
  await eventually(told).toBe(pieces);
  const messages = client.messages.filter(({ type }) => type === 'extended').length;
  // The first eight at once, each; of the others those of a while are one message.
  expect(messages).toBeGreaterThan(8);
  expect(messages).toBeLessThan(pieces / 2);
});
