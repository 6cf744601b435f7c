/** Hashes that a file can be checked by in parts: those of its pieces (BEP 52), 32 bytes each. */
export interface PieceHashes {
  /** Bytes of a piece, a power of two from 16 KiB. */
  readonly pieceLength: number;
  /** Of a file that is no longer than a piece: its root. */
  readonly hashes: Uint8Array;
}

/** A file as the one who reads it knows it. */
export interface ContentFile {
  /** BEP 52 root, 64 hex digits. */
  readonly root: string;
  /** Bytes of the file. */
  readonly length: number;
  /** Null when only the root is known: the file can then be checked as a whole only. */
  readonly pieces: PieceHashes | null;
}

/** Reads the objects that hold content: straight from the depot, or through something in between. */
export interface ContentReads {
  /**
   * Fills `buffer` from `bufferOffset` with exactly `length` bytes of the object from `position`. When
   * it has failed nothing writes to `buffer` any more.
   * @param file the file that is being read, and that these bytes belong to
   * @throws NOT_FOUND, RANGE_NOT_SATISFIABLE, and whatever keeps the depot from answering
   */
  read(
    object: string,
    buffer: Uint8Array,
    bufferOffset: number,
    length: number,
    position: number,
    file: ContentFile,
  ): Promise<void>;
}
