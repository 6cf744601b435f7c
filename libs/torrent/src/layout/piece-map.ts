import { FleetseedError } from '#lib/contracts';

import { paddedLeavesOf } from '../merkle/file-tree-hashes.js';
import { HASH_LENGTH, blockCount } from '../merkle/merkle.js';
import type { ArtifactFile, Metainfo } from '../metainfo/metainfo.types.js';

/**
 * Where each v2 piece of an artifact lies and what it must hash to. Costs four bytes a piece, and
 * every question is answered in constant time.
 */
export class PieceMap {
  readonly pieceCount: number;
  readonly pieceLength: number;
  /** Payload bytes of all pieces. */
  readonly totalLength: number;
  readonly files: readonly ArtifactFile[];
  private readonly fileOf: Uint32Array;
  /** By file: its piece layer, or its root when it has one piece; null without bytes. */
  private readonly hashes: readonly (Buffer | null)[];
  private readonly v1Length: number | null;

  /**
   * @throws FleetseedError METAINFO_INVALID for v1-only metainfo, METAINFO_PIECE_LAYERS_INVALID when
   *   a piece layer is lacking (metainfo that came from peers; see `withPieceLayers`).
   */
  constructor(metainfo: Metainfo) {
    if (metainfo.infoHashV2 === null) {
      throw new FleetseedError('METAINFO_INVALID', 'A v1-only torrent has no v2 pieces.');
    }
    this.pieceCount = metainfo.pieceCount;
    this.pieceLength = metainfo.pieceLength;
    this.totalLength = metainfo.length;
    this.files = metainfo.files;
    this.v1Length = metainfo.v1?.length ?? null;
    this.fileOf = new Uint32Array(this.pieceCount);
    for (const [index, file] of this.files.entries()) {
      this.fileOf.fill(index, file.firstPiece, file.firstPiece + file.pieceCount);
    }
    this.hashes = this.files.map((file) => pieceHashesOf(file, metainfo));
  }

  /** Index into {@link files} of the file that the piece belongs to. */
  fileIndexOf(piece: number): number {
    const file = this.fileOf[piece];
    if (file === undefined) throw new RangeError(`No piece ${piece}`);
    return file;
  }

  /** Where the piece starts in its file, bytes. */
  offsetInFile(piece: number): number {
    return (piece - this.files[this.fileIndexOf(piece)]!.firstPiece) * this.pieceLength;
  }

  /** Bytes of the piece; v2 pieces end where their file ends. */
  lengthOf(piece: number): number {
    const file = this.files[this.fileIndexOf(piece)]!;
    const offset = (piece - file.firstPiece) * this.pieceLength;
    return Math.min(this.pieceLength, file.length - offset);
  }

  /**
   * Bytes of the piece as a peer sees it to which all is one stream, with zeros from the end of a file to
   * the next piece: v1 peers of a hybrid, and libtorrent 2.0 in v2 trees too, after the last file as well.
   */
  paddedLengthOf(piece: number): number {
    if (this.v1Length !== null) {
      return Math.min(this.pieceLength, this.v1Length - piece * this.pieceLength);
    }
    return this.files.length > 1 ? this.pieceLength : this.lengthOf(piece);
  }

  /** SHA-256 blocks of the piece. */
  leafCountOf(piece: number): number {
    return blockCount(this.lengthOf(piece));
  }

  /** Leaves of the piece's tree, pads counted: what `pieceRoot` pads to. */
  paddedLeavesOf(piece: number): number {
    return paddedLeavesOf(this.files[this.fileIndexOf(piece)]!.length, this.pieceLength);
  }

  /** The 32 bytes that the tree of the piece must have as its root. A view: do not write into it. */
  expectedHash(piece: number): Buffer {
    const index = this.fileIndexOf(piece);
    const at = (piece - this.files[index]!.firstPiece) * HASH_LENGTH;
    return this.hashes[index]!.subarray(at, at + HASH_LENGTH);
  }

  /** The pieces of a file, by its index. */
  piecesOfFile(index: number): { firstPiece: number; pieceCount: number } {
    const file = this.files[index];
    if (file === undefined) throw new RangeError(`No file ${index}`);
    return { firstPiece: file.firstPiece, pieceCount: file.pieceCount };
  }

  /** The piece that holds the byte at `offset` of a file. */
  pieceAt(index: number, offset: number): number {
    const file = this.files[index];
    if (file === undefined || offset < 0 || offset >= file.length) {
      throw new RangeError(`No byte ${offset} in file ${index}`);
    }
    return file.firstPiece + Math.floor(offset / this.pieceLength);
  }
}

function pieceHashesOf(file: ArtifactFile, metainfo: Metainfo): Buffer | null {
  if (file.root === null || file.pieceCount <= 1) return file.root;
  const layer = metainfo.pieceLayers.get(file.root.toString('hex'));
  if (layer === undefined) {
    throw new FleetseedError(
      'METAINFO_PIECE_LAYERS_INVALID',
      `The piece hashes of ${file.path.join('/')} are not known.`,
      { path: file.path.join('/') },
    );
  }
  return layer;
}
