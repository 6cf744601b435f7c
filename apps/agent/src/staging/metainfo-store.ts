import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { FleetseedError } from '#lib/contracts';
import { writeFileDurably } from '#lib/runtime';
import { parseMetainfo, type Metainfo } from '#lib/torrent';

/**
 * The metainfo of artifacts this agent holds, kept on disk: what is installed can be checked and
 * seeded without asking the origin what it is.
 */
export class MetainfoStore {
  constructor(
    private readonly folder: string,
    private readonly fetch: (artifact: string, signal: AbortSignal) => Promise<Buffer>,
  ) {}

  /** The kept metainfo; null when there is none, or none that can be used. */
  async read(artifact: string): Promise<Metainfo | null> {
    try {
      return parsedFor(await readFile(this.#path(artifact)), artifact);
    } catch {
      return null;
    }
  }

  /**
   * The kept metainfo, or the origin's, which is then kept.
   * @throws HASH_MISMATCH when the origin's is of another artifact, ORIGIN_UNREACHABLE
   */
  async obtain(artifact: string, signal: AbortSignal): Promise<Metainfo> {
    const kept = await this.read(artifact);
    if (kept) return kept;
    const bytes = await this.fetch(artifact, signal);
    const metainfo = parsedFor(bytes, artifact);
    if (!metainfo) {
      throw new FleetseedError('HASH_MISMATCH', 'The metainfo is not of the artifact asked for.', {
        artifact,
      });
    }
    await mkdir(this.folder, { recursive: true });
    await writeFileDurably(this.#path(artifact), bytes);
    return metainfo;
  }

  async remove(artifact: string): Promise<void> {
    await rm(this.#path(artifact), { force: true });
  }

  #path(artifact: string): string {
    return join(this.folder, `${artifact}.torrent`);
  }
}

/** The hash of the info dictionary is the artifact's name: nothing else has to be believed. */
function parsedFor(bytes: Buffer, artifact: string): Metainfo | null {
  const metainfo = parseMetainfo(bytes);
  return metainfo.infoHashV2?.toString('hex') === artifact ? metainfo : null;
}
