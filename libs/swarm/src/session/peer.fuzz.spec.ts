import fc from 'fast-check';
import { afterEach, expect, it } from 'vitest';

import type { Logger } from '#lib/runtime';
import {
  encodeExtensionHandshake,
  encodeMessage,
  encodeOfferMessage,
  encodeRunMessage,
  extendedMessage,
  pieceHeader,
  spanHeader,
} from '#lib/wire';

import { KIB, MIB, SECRET, TestFleet, artifactOf, eventually } from './session.fixture.js';
import { WireClient } from './wire-client.fixture.js';

const artifact = artifactOf({
  files: [MIB, 5, 300 * KIB],
  pieceLength: 64 * KIB,
  format: 'hybrid',
});
const { pieceCount } = artifact.metainfo;
const root = artifact.metainfo.files[0]!.root!;
const FUZZ_TIMEOUT_MS = 20 * Number(process.env['FLEETSEED_FUZZ_RUNS'] ?? 0);
let fleet: TestFleet;

afterEach(() => fleet.close());

/** Indices that exist, that nearly do, and that do not. */
const index = fc.oneof(
  { weight: 8, arbitrary: fc.nat(pieceCount - 1) },
  { weight: 1, arbitrary: fc.constantFrom(pieceCount, 0xffff_ffff, 0x7fff_ffff) },
);
const length = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(1, 5, 16 * KIB, 64 * KIB) },
  { weight: 1, arbitrary: fc.constantFrom(0, MIB, 0xffff_ffff) },
);
const offset = fc.oneof(
  { weight: 6, arbitrary: fc.nat(3).map((block) => block * 16 * KIB) },
  { weight: 1, arbitrary: fc.constantFrom(1, 0xffff_ffff) },
);
const ranges = fc.array(fc.record({ first: index, count: fc.integer({ min: 1, max: 4 }) }), {
  maxLength: 3,
});
const span = { run: index, offset, length };
const block = { piece: index, begin: offset, length };

const message: fc.Arbitrary<Buffer> = fc.oneof(
  fc
    .constantFrom(
      'choke' as const,
      'unchoke' as const,
      'interested' as const,
      'notInterested' as const,
      'haveAll' as const,
      'haveNone' as const,
      'keepAlive' as const,
    )
    .map((type) => encodeMessage({ type })),
  fc
    .record({ type: fc.constantFrom('have' as const, 'suggest' as const), piece: index })
    .map(encodeMessage),
  fc
    .uint8Array({ minLength: Math.ceil(pieceCount / 8), maxLength: Math.ceil(pieceCount / 8) })
    .map((bits) => encodeMessage({ type: 'bitfield', bits: Buffer.from(bits) })),
  fc
    .record({
      type: fc.constantFrom('request' as const, 'cancel' as const, 'reject' as const),
      ...block,
    })
    .map(encodeMessage),
  fc
    .record({
      type: fc.constantFrom('request' as const, 'cancel' as const, 'reject' as const),
      ...span,
    })
    .map((said) => extendedMessage(2, encodeRunMessage(said))),
  ranges.map((pieces) => extendedMessage(2, encodeRunMessage({ type: 'have', pieces }))),
  fc
    .record({ type: fc.constantFrom('offer' as const, 'withdraw' as const), runs: ranges })
    .map((said) => extendedMessage(3, encodeOfferMessage(said))),
  index.map((piece) => {
    const lost = Buffer.alloc(4);
    lost.writeUInt32BE(piece);
    return extendedMessage(4, lost);
  }),
  fc
    .record({ uploadOnly: fc.boolean(), p: fc.nat(65_535) })
    .map((said) => extendedMessage(0, encodeExtensionHandshake({ m: new Map(), ...said }))),
  fc
    .record({
      base: fc.nat(5),
      index,
      length: fc.constantFrom(1, 2, 16, 512, 7),
      proofLayers: fc.nat(9),
    })
    .map((range) => encodeMessage({ type: 'hashRequest', root, ...range })),
  fc
    .tuple(index, offset)
    .map(([piece, begin]) =>
      Buffer.concat([pieceHeader(piece, begin, 16 * KIB), Buffer.alloc(16 * KIB)]),
    ),
  fc
    .tuple(index, offset)
    .map(([run, begin]) =>
      Buffer.concat([spanHeader(2, run, begin, 64 * KIB), Buffer.alloc(64 * KIB)]),
    ),
  fc.uint8Array({ maxLength: 20 }).map((bytes) => extendedMessage(77, Buffer.from(bytes))),
  fc
    .tuple(fc.nat(255), fc.uint8Array({ maxLength: 30 }))
    .map(([id, bytes]) => Buffer.from([0, 0, 0, bytes.length + 1, id, ...bytes])),
);

const scripts = fc.record({
  isMember: fc.boolean(),
  view: fc.constantFrom('v1' as const, 'v2' as const),
  fast: fc.boolean(),
  said: fc.array(message, { minLength: 1, maxLength: 40 }),
  isCut: fc.boolean(),
});

it.each([
  ['downloads', {}],
  ['seeds', { complete: true }],
  ['is an origin', { complete: true, role: 'origin' as const }],
])(
  'whatever a peer says, a machine that %s has no fault of its own and goes on',
  async (_, more) => {
    fleet = new TestFleet(artifact);
    const faults: unknown[] = [];
    const note = (text: string, facts: Record<string, unknown> = {}) => {
      if (facts['code'] === 'INTERNAL') faults.push(text, facts);
    };
    const logger: Logger = { debug: note, info: note, warn: note, error: note };
    const limits = { maxConnectionsPerHost: 1000, logger };
    const machine = await fleet.add({ access: 'open', session: limits, ...more });
    let turn = 0;
    await fc.assert(
      fc.asyncProperty(scripts, async ({ isMember, said, isCut, ...form }) => {
        const options = { artifact, ...form, ...(isMember ? { secret: SECRET } : {}) };
        // A ban is by address and port or id, and of all of an address in the end.
        const from = `127.0.${2 + (turn >> 7)}.${1 + (turn++ & 127)}`;
        const client = WireClient.dial(machine.session.port, options, from);
        await client.until(() => (isMember ? client.isMember : client.extensions !== null));
        const bytes = Buffer.concat(said);
        client.socket.end(isCut ? bytes.subarray(0, bytes.length >> 1) : bytes);
        await client.untilClosed();
        expect(faults).toEqual([]);
      }),
    );
    await eventually(() => machine.session.stats().connections).toBe(0);
    await eventually(() => machine.session.stats().uploads).toBe(0);
    await (machine.torrent.have.all ? fleet.add() : fleet.add({ complete: true }));
    const other = await fleet.add();
    await Promise.all([machine.torrent.done, other.torrent.done]);
    expect(artifact.payload.equals(await other.content())).toBe(true);
  },
  // It waits for sockets, so a machine that has other things to do takes long.
  Math.max(120_000, FUZZ_TIMEOUT_MS),
);
