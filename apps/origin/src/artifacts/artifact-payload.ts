import { FleetseedError, toFleetseedError } from '#lib/contracts';
import { isAdjacent, type ArtifactContent, type FileContent, type PieceHashes } from '#lib/depot';
import type { PayloadStore } from '#lib/swarm';
import type { Metainfo } from '#lib/torrent';

/** What is not in the depot, or not as it should be, or not at the moment. */
const NOT_TO_BE_HAD = new Set<string>([
  'DEPOT_INTEGRITY',
  'DEPOT_CORRUPT',
  'DEPOT_UNAVAILABLE',
  'NOT_FOUND',
  'TIMED_OUT',
]);

/** Files that lie one behind the other in one object, of which so many bytes are wanted. */
interface Run {
  readonly files: readonly FileContent[];
  readonly bytes: number;
}

/**
 * The payload of an artifact (its files with bytes, one after the other in v2 order) read from the
 * depot; being the truth, it is never written.
 */
export class ArtifactPayload implements PayloadStore {
  /** Bytes of the whole payload. */
  readonly length: number;
  /** Where each file with bytes starts, and the whole length at the end. */
  readonly #starts: Float64Array;
  readonly #roots: readonly string[];
  readonly #pieceLayers: Metainfo['pieceLayers'];
  readonly #pieceLength: number;
  /** Files that were read last, so that a stream of one does not look its place up per read. */
  readonly #open = new Map<number, FileContent>();

  constructor(
    metainfo: Metainfo,
    private readonly content: ArtifactContent,
  ) {
    const files = metainfo.files.filter((file) => file.length > 0);
    this.#starts = new Float64Array(files.length + 1);
    this.#pieceLayers = metainfo.pieceLayers;
    this.#pieceLength = metainfo.pieceLength;
    this.#roots = files.map((file) => file.root?.toString('hex') ?? '');
    let offset = 0;
    files.forEach((file, index) => {
      this.#starts[index] = offset;
      offset += file.length;
    });
    this.#starts[files.length] = offset;
    this.length = offset;
  }

  /** Fills `target` whole from payload `offset`. @throws PIECE_UNAVAILABLE, DISK_IO; RangeError */
  async read(offset: number, target: Uint8Array): Promise<void> {
    if (!Number.isSafeInteger(offset) || offset < 0 || offset + target.length > this.length) {
      throw new RangeError(`Payload range ${offset}+${target.length} is not inside the artifact.`);
    }
    let file = this.#fileAt(offset);
    for (let filled = 0; filled < target.length;) {
      const position = offset + filled - this.#starts[file]!;
      const run = this.#adjacentFrom(file, position, target.length - filled);
      const part = target.subarray(filled, filled + run.bytes);
      await this.#readRun(file, run.files, part, position);
      filled += run.bytes;
      file += run.files.length;
    }
  }

  async write(): Promise<void> {
    throw new FleetseedError('INTERNAL', 'Artifacts in the depot are not written by peers.');
  }

  async sync(): Promise<void> {
    // Nothing is ever written.
  }

  async close(): Promise<void> {
    // The readers belong to the pool that all artifacts share.
    this.#open.clear();
  }

  /** The files from this one on that lie one behind the other, as far as `most` bytes reach, and how many bytes that is. */
  #adjacentFrom(first: number, position: number, most: number): Run {
    const files = [this.#contentOf(first)];
    let bytes = Math.min(most, this.#lengthOf(first) - position);
    for (let next = first + 1; bytes < most; next++) {
      const content = this.#contentOf(next);
      if (!isAdjacent(files.at(-1)!, content)) break;
      files.push(content);
      bytes += Math.min(most - bytes, this.#lengthOf(next));
    }
    return { files, bytes };
  }

  async #readRun(
    first: number,
    files: readonly FileContent[],
    target: Uint8Array,
    position: number,
  ): Promise<void> {
    let file = first;
    try {
      if (files.length > 1) {
        if (await this.content.readAdjacent(files, target, 0, target.length, position)) return;
      }
      let from = position;
      for (let filled = 0; filled < target.length; file++) {
        const count = Math.min(this.#lengthOf(file) - from, target.length - filled);
        await files[file - first]!.read(target, filled, count, from);
        filled += count;
        from = 0;
      }
    } catch (thrown) {
      const error = toFleetseedError(thrown);
      if (!NOT_TO_BE_HAD.has(error.code)) throw error;
      const facts = { root: this.#roots[file]!, code: error.code };
      throw new FleetseedError('PIECE_UNAVAILABLE', 'The depot does not give the content.', facts, {
        cause: error,
      });
    }
  }

  #lengthOf(file: number): number {
    return this.#starts[file + 1]! - this.#starts[file]!;
  }

  #contentOf(file: number): FileContent {
    let open = this.#open.get(file);
    if (!open) {
      open = this.content.open(this.#roots[file]!, this.#piecesOf(file));
      if (this.#open.size >= 64) this.#open.clear();
      this.#open.set(file, open);
    }
    return open;
  }

  #piecesOf(file: number): PieceHashes {
    const root = this.#roots[file]!;
    const hashes = this.#pieceLayers.get(root) ?? Buffer.from(root, 'hex');
    return { pieceLength: this.#pieceLength, hashes };
  }

  #fileAt(offset: number): number {
    let low = 0;
    let high = this.#starts.length - 2;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.#starts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
