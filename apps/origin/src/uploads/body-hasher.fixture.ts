import { BufferPool, HashPool } from '#lib/swarm';

import { BodyHasher, type BodyCut, type BodyHashes } from './body-hasher.js';
import { ChunkBody } from './body-source.js';

/** Hashes bodies as the origin does, with threads of its own. */
export class TestHashing {
  readonly pool = new HashPool({ threads: 2 });
  readonly buffers = new BufferPool(4 * 1024 * 1024);

  open(cut: BodyCut): BodyHasher {
    return new BodyHasher({ pool: this.pool, buffers: this.buffers }, cut);
  }

  /** @param chunk bytes of each chunk that is written */
  async hash(cut: BodyCut, body: Buffer, chunk = 65_536): Promise<BodyHashes> {
    const hasher = this.open(cut);
    const source = new ChunkBody(inChunks(body, chunk));
    for await (const lent of hasher.through(source)) hasher.stored(lent);
    return hasher.finish();
  }

  close(): Promise<void> {
    return this.pool.close();
  }
}

export async function* inChunks(body: Buffer, chunk: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < body.length; at += chunk) yield Buffer.from(body.subarray(at, at + chunk));
}
