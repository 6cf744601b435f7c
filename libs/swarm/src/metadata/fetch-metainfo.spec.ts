import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';

import type { FleetseedError } from '#lib/contracts';
import { systemClock } from '#lib/runtime';
import { encodeMetainfo, parseMagnet, v1EditionOf, type Magnet } from '#lib/torrent';
import {
  EXTENSION,
  decodeMetadataMessage,
  encodeMetadataMessage,
  extendedMessage,
  type HashRange,
  type MetadataMessage,
} from '#lib/wire';

import type { Announcer, PeerAddress } from '../announce/announcer.js';
import { KIB, TestFleet, artifactOf, type TestArtifact } from '../session/session.fixture.js';
import { WireClient, WireServer } from '../session/wire-client.fixture.js';
import { fetchMetainfo, type FetchMetainfoOptions } from './fetch-metainfo.js';

const HOST = '127.0.0.1';
let fleet: TestFleet | null = null;
const opened: WireServer[] = [];

afterEach(async () => {
  await fleet?.close();
  fleet = null;
  await Promise.all(opened.splice(0).map((server) => server.close()));
});

/** A seed of an open swarm that serves everybody. */
async function seedOf(artifact: TestArtifact): Promise<PeerAddress> {
  fleet ??= new TestFleet(artifact);
  const { session } = await fleet.add({ complete: true, access: 'open', swarmSecret: null });
  return { host: HOST, port: session.port };
}

type Answer = (request: MetadataMessage) => MetadataMessage | null;
type HashRequested = (request: HashRange, client: WireClient) => void;

/** A peer that gives metadata as the test says; of what it gives, `size` is what it announces. */
async function giverOf(
  artifact: TestArtifact,
  answer: Answer,
  size = artifact.metainfo.infoBytes.length,
  hashRequested: HashRequested = () => {},
): Promise<PeerAddress & { server: WireServer }> {
  const m = new Map([[EXTENSION.metadata, 9] as const]);
  const server = await WireServer.open(
    { artifact, extensions: { m, metadataSize: size } },
    (client) => {
      client.onMessage = (message) => {
        if (message.type === 'hashRequest') hashRequested(message, client);
        if (message.type !== 'extended' || message.id !== 9) return;
        const reply = answer(decodeMetadataMessage(message.payload));
        if (reply && reply.type !== 'unknown') {
          client.extended(EXTENSION.metadata, encodeMetadataMessage(reply));
        }
      };
    },
  );
  opened.push(server);
  return { host: HOST, port: server.port, server };
}

/** What an honest peer answers. */
function honest({ metainfo }: TestArtifact): (request: MetadataMessage) => MetadataMessage {
  return (request) => {
    const { piece } = request as { piece: number };
    const bytes = metainfo.infoBytes.subarray(piece * 16 * KIB, (piece + 1) * 16 * KIB);
    return { type: 'data', piece, totalSize: metainfo.infoBytes.length, bytes };
  };
}

function magnetOf({ metainfo }: TestArtifact, hashes: 'v1' | 'v2' | 'both' = 'v2'): Magnet {
  return {
    infoHashV1: hashes === 'v2' ? null : metainfo.infoHashV1,
    infoHashV2: hashes === 'v1' ? null : metainfo.infoHashV2,
    name: null,
    trackers: [],
    webSeeds: [],
    peers: [],
  };
}

function fetch(magnet: Magnet, peers: PeerAddress[], more: Partial<FetchMetainfoOptions> = {}) {
  const signal = AbortSignal.timeout(20_000);
  return fetchMetainfo({ magnet, peers, clock: systemClock, signal, ...more });
}

async function failureOf(work: Promise<unknown>): Promise<FleetseedError> {
  const thrown = await work.then(
    () => null,
    (error: unknown) => error as FleetseedError,
  );
  expect(thrown).not.toBeNull();
  return thrown!;
}

/** Names long enough for an `info` of several pieces. */
const tree = (format: 'v2' | 'hybrid' = 'v2') =>
  artifactOf({
    files: [200 * KIB, 5, 70 * KIB, ...Array.from({ length: 500 }, () => 100)],
    pieceLength: 16 * KIB,
    format,
    public: true,
  });

describe('fetchMetainfo', () => {
  it.each(['v1', 'v2', 'both'] as const)(
    'makes the torrent of a hybrid magnet again (%s)',
    async (hashes) => {
      const artifact = tree('hybrid');
      expect(artifact.metainfo.infoBytes.length).toBeGreaterThan(32 * KIB);
      const { bytes } = await fetch(magnetOf(artifact, hashes), [await seedOf(artifact)]);
      expect(bytes.equals(encodeMetainfo(artifact.metainfo))).toBe(true);
    },
  );

  it('gets the layers of files of any number of pieces, each once', async () => {
    const lengths = [513, 512, 1, 2, 3, 1025].map((pieces) => pieces * 16 * KIB);
    const artifact = artifactOf({
      files: [...lengths, 3 * 16 * KIB + 7, lengths[3]!],
      pieceLength: 16 * KIB,
      public: true,
    });
    const { bytes } = await fetch(magnetOf(artifact), [await seedOf(artifact)]);
    expect(bytes.equals(encodeMetainfo(artifact.metainfo))).toBe(true);
  });

  it('gives the v1 edition for its hash, and keeps trackers and web seeds of the link', async () => {
    const artifact = artifactOf({ files: [90 * KIB], format: 'hybrid', public: true });
    const edition = v1EditionOf(artifact.metainfo)!;
    const link = `magnet:?xt=urn:btih:${edition.infoHash.toString('hex')}&tr=http%3A%2F%2Ft%2Fa&ws=http%3A%2F%2Fw%2F`;
    const { metainfo } = await fetch(parseMagnet(link), [await seedOf(artifact)]);
    expect(metainfo.infoBytes.equals(edition.infoBytes)).toBe(true);
    expect(metainfo).toMatchObject({ announce: [['http://t/a']], webSeeds: ['http://w/'] });
  });

  it('finds peers in the link and at trackers', async () => {
    const artifact = artifactOf({ files: [5], public: true });
    const seed = await seedOf(artifact);
    const magnet = magnetOf(artifact);
    await fetch({ ...magnet, peers: [seed] }, []);
    const events: string[] = [];
    const announcer: Announcer = {
      announce: async ({ event }) => {
        events.push(event);
        return { intervalMs: 1000, minIntervalMs: 1000, peers: [{ ...seed, hash: 'v2' }] };
      },
      retryAfterMs: () => 1000,
    };
    await fetch(magnet, [], { announcer });
    expect(events).toEqual(['started', 'stopped']);
  });

  it('is refused by peers of a private torrent', async () => {
    const artifact = artifactOf({ files: [100 * KIB] });
    const error = await failureOf(fetch(magnetOf(artifact), [await seedOf(artifact)]));
    expect(error.code).toBe('NO_PEERS');
    expect(error.message).toContain('it gives no metadata away');
  });

  it('refuses a private torrent that somebody gives away all the same', async () => {
    const artifact = artifactOf({ files: [100 * KIB] });
    const giver = await giverOf(artifact, honest(artifact));
    expect((await failureOf(fetch(magnetOf(artifact), [giver]))).code).toBe('FORBIDDEN');
  });

  it('drops who sends metadata of something else, and goes on with others', async () => {
    const artifact = artifactOf({ files: [60 * KIB], public: true });
    const liar = await giverOf(artifact, (request) => {
      const right = honest(artifact)(request) as MetadataMessage & { bytes: Buffer };
      const bytes = Buffer.from(right.bytes);
      bytes[20]! ^= 1;
      return { ...right, bytes };
    });
    expect((await failureOf(fetch(magnetOf(artifact), [liar]))).cause).toMatchObject({
      code: 'HASH_MISMATCH',
    });
    expect(liar.server.clients).toHaveLength(1);
    const good = await giverOf(artifact, honest(artifact));
    await fetch(magnetOf(artifact), [liar, good]);
  });

  it('asks again for what is rejected, a few times', async () => {
    const artifact = artifactOf({ files: [60 * KIB], public: true });
    let rejects = 2;
    const shy = await giverOf(artifact, (request) =>
      rejects-- > 0 ? { type: 'reject', piece: 0 } : honest(artifact)(request),
    );
    await fetch(magnetOf(artifact), [shy]);
    const never = await giverOf(artifact, () => ({ type: 'reject', piece: 0 }));
    const error = await failureOf(fetch(magnetOf(artifact), [never]));
    expect(error.message).toContain('it rejects what it is asked for');
  }, 20_000);

  it('believes no size that is too large, or that changes', async () => {
    const artifact = artifactOf({ files: [60 * KIB], public: true });
    const huge = await giverOf(artifact, honest(artifact), 60 * 1024 * KIB);
    const tooLarge = await failureOf(fetch(magnetOf(artifact), [huge]));
    expect(tooLarge.message).toContain('too large');
    const other = await giverOf(artifact, honest(artifact), 17 * KIB);
    const changed = await failureOf(fetch(magnetOf(artifact), [other]));
    expect(changed.cause).toMatchObject({ code: 'WIRE_INVALID' });
  });

  it('leaves a peer that says nothing for another', async () => {
    const artifact = artifactOf({ files: [60 * KIB], public: true });
    const silent = await giverOf(artifact, () => null);
    const error = await failureOf(fetch(magnetOf(artifact), [silent], { patienceMs: 50 }));
    expect(error.cause).toMatchObject({ code: 'TIMED_OUT' });
    const good = await giverOf(artifact, honest(artifact));
    await fetch(magnetOf(artifact), [silent, good]);
  });

  it('believes no hashes that do not prove themselves', async () => {
    const artifact = artifactOf({ files: [200 * KIB], pieceLength: 16 * KIB, public: true });
    let lies = 0;
    const liar = await giverOf(artifact, honest(artifact), undefined, (message, client) => {
      lies++;
      client.send({ ...message, type: 'hashes', hashes: Buffer.alloc(32 * message.length, 1) });
    });
    const error = await failureOf(fetch(magnetOf(artifact), [liar]));
    expect(error.cause).toMatchObject({ code: 'HASH_MISMATCH' });
    expect(lies).toBe(1);
    const { bytes } = await fetch(magnetOf(artifact), [liar, await seedOf(artifact)]);
    expect(bytes.equals(encodeMetainfo(artifact.metainfo))).toBe(true);
  });

  it('bears peers that send anything at all', async () => {
    const artifact = artifactOf({ files: [60 * KIB], public: true });
    const noise = fc.sample(fc.uint8Array({ minLength: 1, maxLength: 300 }), 20);
    const said = noise.flatMap((bytes) => [
      Buffer.from(bytes),
      extendedMessage(0, Buffer.from(bytes)),
      extendedMessage(1, Buffer.from(bytes)),
    ]);
    const servers = await Promise.all(
      said.map((bytes) => WireServer.open({ artifact }, ({ socket }) => socket.end(bytes))),
    );
    opened.push(...servers);
    const peers = servers.map(({ port }) => ({ host: HOST, port }));
    const good = await giverOf(artifact, honest(artifact));
    await fetch(magnetOf(artifact), [...peers, good]);
    expect(servers.every(({ clients }) => clients.length <= 3)).toBe(true);
  });

  it('ends when it is told to', async () => {
    const artifact = artifactOf({ files: [60 * KIB], public: true });
    const silent = await giverOf(artifact, () => null);
    const abort = new AbortController();
    const fetching = fetch(magnetOf(artifact), [silent], { signal: abort.signal });
    abort.abort(new Error('enough'));
    await expect(fetching).rejects.toThrow('enough');
  });
});

describe('giving metadata away', () => {
  const m = new Map([[EXTENSION.metadata, 7] as const]);

  async function clientOf(artifact: TestArtifact): Promise<WireClient> {
    const { port } = await seedOf(artifact);
    const client = WireClient.dial(port, { artifact, extensions: { m } });
    await client.until(() => client.has('haveAll') && client.extensions !== null);
    return client;
  }

  const answers = (client: WireClient) =>
    client.messages.flatMap((message) =>
      message.type === 'extended' && message.id === 7 ? decodeMetadataMessage(message.payload) : [],
    );

  it('ends after some times; pieces that do not exist are rejected', async () => {
    const artifact = artifactOf({ files: [60 * KIB], public: true });
    const client = await clientOf(artifact);
    expect(client.extensions!.metadataSize).toBe(artifact.metainfo.infoBytes.length);
    client.extended(EXTENSION.metadata, encodeMetadataMessage({ type: 'request', piece: 1 }));
    for (let time = 0; time < 30; time++) {
      client.extended(EXTENSION.metadata, encodeMetadataMessage({ type: 'request', piece: 0 }));
    }
    await client.until(() => answers(client).length === 31);
    const types = answers(client).map(({ type }) => type);
    expect(types[0]).toBe('reject');
    expect(types.slice(1)).toEqual([
      ...Array.from({ length: 18 }, () => 'data'),
      ...Array.from({ length: 12 }, () => 'reject'),
    ]);
  });

  it('is not done for a private torrent, whoever asks', async () => {
    const artifact = artifactOf({ files: [60 * KIB] });
    const client = await clientOf(artifact);
    expect(client.extensions!.metadataSize).toBeUndefined();
    expect(client.extensions!.m.has(EXTENSION.metadata)).toBe(false);
    // Under the id that it has elsewhere.
    client.send({
      type: 'extended',
      id: 5,
      payload: encodeMetadataMessage({ type: 'request', piece: 0 }),
    });
    client.send({ type: 'interested' });
    await client.until(() => client.has('unchoke'));
    expect(answers(client)).toEqual([]);
  });
});
