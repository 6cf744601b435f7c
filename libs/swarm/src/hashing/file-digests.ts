import { FleetseedError } from '#lib/contracts';
import { merkleRoot } from '#lib/torrent';

import type { FileSignature } from '../disk/file-signature.js';
import type { FileBatch, FileCut, FileToHash } from './file-batches.js';
import type { HashJobDone } from './hash-job.types.js';

/** What a metainfo holds about one file's content, and what the file was when that was true. */
export interface FileDigest {
  /** BEP 52 root; null for an empty file. */
  readonly root: Buffer | null;
  /** The Merkle nodes of a file longer than one of them, 32 bytes each; null for other files. */
  readonly layer: Buffer | null;
  /** SHA-1 of each v1 piece, 20 bytes each; empty unless asked for. */
  readonly piecesV1: Buffer;
  readonly signature: FileSignature;
}

const HASH = 32;
const SHA1 = 20;
const BLOCK = 16_384;

/** Stretches of one long file as they come in, in any order. */
interface Gathering {
  lacking: number;
  readonly layer: Buffer;
  readonly piecesV1: Buffer;
  readonly signature: FileSignature;
}

/** Puts the results of jobs together, file by file. */
export class FileDigests {
  readonly #gathering = new Map<number, Gathering>();

  constructor(
    private readonly files: readonly FileToHash[],
    private readonly cut: FileCut,
    private readonly onFile: (index: number, digest: FileDigest) => void,
  ) {}

  /** @throws FleetseedError TREE_CHANGED when a long file changed between its stretches */
  add({ job, first }: FileBatch, { first: nodes, second: pieces, signatures }: HashJobDone): void {
    let node = 0;
    let piece = 0;
    for (const [offset, length] of job.lengths.entries()) {
      const ofNodes = viewOf(nodes, node, Math.ceil(length / this.cut.nodeSpan) * HASH);
      const ofPieces = viewOf(pieces, piece, this.#pieceBytes(length));
      node += ofNodes.length;
      piece += ofPieces.length;
      const signature = signatureAt(signatures, offset);
      const index = first + offset;
      if (length === this.files[index]!.length) this.#end(index, ofNodes, ofPieces, signature);
      else this.#gather(index, job.starts[offset]!, ofNodes, ofPieces, signature);
    }
  }

  #gather(
    index: number,
    start: number,
    nodes: Buffer,
    pieces: Buffer,
    signature: FileSignature,
  ): void {
    const { path, length } = this.files[index]!;
    const { nodeSpan, pieceLengthV1 } = this.cut;
    let file = this.#gathering.get(index);
    if (!file) {
      const layer = Buffer.alloc(Math.ceil(length / nodeSpan) * HASH);
      const piecesV1 = Buffer.alloc(this.#pieceBytes(length));
      file = { lacking: layer.length, layer, piecesV1, signature };
      this.#gathering.set(index, file);
    }
    if (!sameSignature(file.signature, signature)) throw changed(path);
    nodes.copy(file.layer, (start / nodeSpan) * HASH);
    if (pieceLengthV1 > 0) pieces.copy(file.piecesV1, (start / pieceLengthV1) * SHA1);
    file.lacking -= nodes.length;
    if (file.lacking > 0) return;
    this.#gathering.delete(index);
    this.#end(index, file.layer, file.piecesV1, signature);
  }

  #end(index: number, nodes: Buffer, piecesV1: Buffer, signature: FileSignature): void {
    if (nodes.length <= HASH) {
      const root = nodes.length === 0 ? null : nodes;
      this.onFile(index, { root, layer: null, piecesV1, signature });
      return;
    }
    const root = merkleRoot(nodes, Math.log2(this.cut.nodeSpan / BLOCK));
    this.onFile(index, { root, layer: nodes, piecesV1, signature });
  }

  #pieceBytes(length: number): number {
    const { pieceLengthV1 } = this.cut;
    return pieceLengthV1 === 0 ? 0 : Math.ceil(length / pieceLengthV1) * SHA1;
  }
}

export function sameSignature(left: FileSignature, right: FileSignature): boolean {
  return (
    left.size === right.size &&
    left.mtimeNs === right.mtimeNs &&
    left.ctimeNs === right.ctimeNs &&
    left.ino === right.ino
  );
}

/** The signature with this index among those of a job's result. */
export function signatureAt(numbers: BigInt64Array, index: number): FileSignature {
  const at = index * 4;
  return {
    size: Number(numbers[at]!),
    mtimeNs: numbers[at + 1]!,
    ctimeNs: numbers[at + 2]!,
    ino: numbers[at + 3]!,
  };
}

function viewOf(bytes: Uint8Array, start: number, length: number): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, length);
}

function changed(path: string): FleetseedError {
  const text = `The file ${path} changed while it was read.`;
  return new FleetseedError('TREE_CHANGED', text, { path });
}
