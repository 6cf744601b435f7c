import { expect } from 'vitest';

import { seededRandom } from '#lib/runtime';
import {
  PieceHasherV1,
  buildMetainfo,
  leafHashesOf,
  parseMetainfo,
  v1Stream,
  type Metainfo,
  type MetainfoFormat,
} from '#lib/torrent';

import { MemoryTracker } from '../announce/memory.announcer.js';
import { Bitfield } from '../bitfield.js';
import { MemoryStore } from '../disk/memory-store.js';
import type { PayloadStore } from '../disk/payload-store.js';
import { HashPool } from '../hashing/hash-pool.js';
import type { Torrent } from '../torrent/torrent.js';
import type { TorrentOptions } from '../torrent/torrent.types.js';
import { Session } from './session.js';
import type { SessionOptions } from './session.types.js';

export const KIB = 1024;
export const MIB = 1024 * KIB;
export const SECRET = Buffer.from('a secret that the whole fleet knows');

/** An artifact and its payload: the bytes of its files in v2 order. */
export interface TestArtifact {
  readonly metainfo: Metainfo;
  readonly payload: Buffer;
}

export interface ArtifactOptions {
  /** Bytes of each file; one file makes a single-file artifact. */
  readonly files: readonly number[];
  readonly pieceLength?: number;
  readonly format?: MetainfoFormat;
  readonly seed?: number;
  /** Not private (BEP 27). */
  readonly public?: boolean;
}

export function artifactOf(options: ArtifactOptions): TestArtifact {
  const { files: lengths, pieceLength = 64 * KIB, format = 'v2', seed = 1 } = options;
  const single = lengths.length === 1;
  const random = seededRandom(seed);
  const contents = lengths.map((length) => {
    const content = Buffer.alloc(length);
    for (let at = 0; at + 4 <= length; at += 4) content.writeUInt32LE(random() * 2 ** 32, at);
    return content;
  });
  const files = contents.map((content, index) => ({
    path: [single ? 'artifact' : `file-${String(index).padStart(5, '0')}`],
    length: content.length,
    leafHashes: leafHashesOf(content),
  }));
  const hasher = new PieceHasherV1(pieceLength);
  for (const segment of v1Stream(files, pieceLength, format === 'hybrid')) {
    if ('pad' in segment) hasher.pad(segment.pad);
    else hasher.update(contents[segment.file]!);
  }
  const built = buildMetainfo({
    name: 'artifact',
    pieceLength,
    format,
    single,
    files,
    private: options.public !== true,
    ...(format === 'v2' ? {} : { piecesV1: hasher.finish() }),
  });
  return { metainfo: parseMetainfo(built.metainfoBytes), payload: Buffer.concat(contents) };
}

/** One machine of a test: its session, its torrent and what it has. */
export interface Machine {
  readonly session: Session;
  readonly torrent: Torrent;
  readonly store: PayloadStore;
  /** What its store has, read back. */
  content(): Promise<Buffer>;
}

export interface MachineOptions extends Partial<TorrentOptions> {
  readonly session?: Partial<SessionOptions>;
  /** Has the whole payload from the start. */
  readonly complete?: boolean;
}

/** Machines on loopback around one tracker. Close it after each test. */
export class TestFleet {
  readonly tracker = new MemoryTracker({
    random: seededRandom(5),
    intervalMs: 300,
    minIntervalMs: 100,
  });
  readonly hasher = new HashPool({ threads: 2 });
  readonly #sessions: Session[] = [];

  constructor(readonly artifact: TestArtifact) {}

  async add(options: MachineOptions = {}): Promise<Machine> {
    const { session: sessionOptions, complete = false, ...torrentOptions } = options;
    const { metainfo, payload } = this.artifact;
    const session = new Session({
      hasher: this.hasher,
      listen: { host: '127.0.0.1', port: 0 },
      ...sessionOptions,
    });
    this.#sessions.push(session);
    await session.listen();
    const store =
      torrentOptions.store ?? new MemoryStore(complete ? Buffer.from(payload) : payload.length);
    const address = { host: '127.0.0.1', port: session.port };
    const torrent = session.add({
      metainfo,
      store,
      swarmSecret: SECRET,
      announcer: this.tracker.announcer('swarm', address),
      ...(complete ? { have: Bitfield.full(metainfo.pieceCount) } : {}),
      ...torrentOptions,
    });
    const content = async () => {
      const bytes = Buffer.alloc(payload.length);
      await store.read(0, bytes);
      return bytes;
    };
    return { session, torrent, store, content };
  }

  /** A machine that gives first copies, as an origin does. */
  async origin(options: MachineOptions = {}): Promise<Machine> {
    return this.add({ role: 'origin', complete: true, ...options });
  }

  async close(): Promise<void> {
    await Promise.all(this.#sessions.map((session) => session.close()));
    await this.hasher.close();
  }
}

/** Waits for a condition as long as a busy machine may need. */
export function eventually<T>(value: () => T) {
  return expect.poll(value, { timeout: 20_000, interval: 10 });
}

/** Everything that an origin sent, bytes. */
export function sentBy({ torrent }: Machine): number {
  return Object.values(torrent.stats().bytes.sent).reduce((sum, bytes) => sum + bytes, 0);
}
