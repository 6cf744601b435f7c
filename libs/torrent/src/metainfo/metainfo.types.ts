/** One file of an artifact as its metainfo tells it. Pad files are never listed. */
export interface ArtifactFile {
  /** Components below the artifact's root; `[name]` when the artifact is a single file. */
  readonly path: readonly string[];
  /** Bytes. 0 for empty files and for symlinks. */
  readonly length: number;
  /** BEP 52 `pieces root` (32 bytes); null for empty files, symlinks, and in v1-only metainfo. */
  readonly root: Buffer | null;
  readonly executable: boolean;
  /**
   * BEP 47 `symlink path`: components from the artifact's root (none: the root itself), never `..`;
   * null for a regular file. Folders above a file are never symlinks, so the relative text of the
   * link cannot lead outside.
   */
  readonly symlink: readonly string[] | null;
  /**
   * Index of the first piece that holds bytes of this file. With v2 every file that has bytes starts
   * a piece; in v1-only metainfo pieces are contiguous, so neighbours may share one. A file without
   * bytes has the index that the next file would start at.
   */
  readonly firstPiece: number;
  /** Pieces that hold bytes of this file; 0 for files without bytes. */
  readonly pieceCount: number;
}

/** One entry of the v1 byte stream, in its order. */
export interface V1File {
  /** Index into {@link Metainfo.files}; null for a pad file, whose bytes are zeros (BEP 47). */
  readonly file: number | null;
  /** Offset in the v1 stream, bytes. */
  readonly offset: number;
  readonly length: number;
}

/** What a v1 peer sees: one stream of all files and pads, cut into equal pieces. */
export interface V1View {
  /** SHA-1 of each piece, 20 bytes each. */
  readonly pieces: Buffer;
  readonly pieceCount: number;
  readonly files: readonly V1File[];
  /** Bytes of the stream, pads counted. */
  readonly length: number;
}

/** A parsed `.torrent` (or an `info` dictionary alone), every rule of BEP 3, 47 and 52 checked. */
export interface Metainfo {
  readonly name: string;
  /** Bytes. A power of two from 16 KiB when there is a v2 view; anything positive in v1-only ones. */
  readonly pieceLength: number;
  readonly private: boolean;
  /** True when the artifact is the one file `name`; false when it is a folder `name`. */
  readonly single: boolean;
  /** In v2 order (bytewise, component by component); in v1-only metainfo in the order found. */
  readonly files: readonly ArtifactFile[];
  /** Payload bytes, pads not counted. */
  readonly length: number;
  readonly pieceCount: number;
  /** SHA-1 of the info bytes as found; null without a v1 view. */
  readonly infoHashV1: Buffer | null;
  /** SHA-256 of the info bytes as found; null without a v2 view. */
  readonly infoHashV2: Buffer | null;
  /** Root (hex) → hashes of its pieces, 32 bytes each; only for files longer than one piece. */
  readonly pieceLayers: ReadonlyMap<string, Buffer>;
  readonly v1: V1View | null;
  /** The `info` dictionary as found, byte for byte: what the info-hashes are made over. */
  readonly infoBytes: Buffer;
  /** Tiers of tracker URLs (BEP 12). */
  readonly announce: readonly (readonly string[])[];
  /** BEP 19 `url-list`. */
  readonly webSeeds: readonly string[];
  readonly comment?: string;
  readonly createdBy?: string;
  /** Seconds since 1970. */
  readonly creationDate?: number;
}

export type MetainfoFormat = 'v1' | 'v2' | 'hybrid';

/** A file to put into a new metainfo. Hashes come from {@link LeafHasher} or from a store. */
export interface BuildFile {
  readonly path: readonly string[];
  readonly length: number;
  readonly executable?: boolean;
  /** Components from the artifact's root. A symlink has length 0 and no hashes. */
  readonly symlink?: readonly string[] | null;
  /** SHA-256 of each 16 KiB block, 32 bytes each. Either this, or `root` (and `pieceLayer`). */
  readonly leafHashes?: Buffer;
  readonly root?: Buffer | null;
  /** Needed with `root` when the file is longer than one piece. */
  readonly pieceLayer?: Buffer;
}

export interface BuildOptions {
  readonly name: string;
  readonly pieceLength: number;
  readonly format: MetainfoFormat;
  /** In any order; the builder writes the canonical one. */
  readonly files: readonly BuildFile[];
  /** True for an artifact that is one file; its path must then be `[name]`. */
  readonly single: boolean;
  /** SHA-1 of each piece of the stream that `v1Stream` describes; needed for v1 and hybrid. */
  readonly piecesV1?: Buffer;
  /** BEP 27; true by default. */
  readonly private?: boolean;
}

export interface BuiltMetainfo {
  readonly infoBytes: Buffer;
  /** `info` and `piece layers`; no tracker, no date: see `withAnnounce`. */
  readonly metainfoBytes: Buffer;
  readonly infoHashV1: Buffer | null;
  readonly infoHashV2: Buffer | null;
}
