import { FleetseedError } from '#lib/contracts';
import type { Clock } from '#lib/runtime';
import {
  EXTENSION,
  METADATA_PIECE_BYTES,
  type ExtensionHandshake,
  type MetadataMessage,
} from '#lib/wire';

import { protocolError } from '../peer/peer-errors.js';
import { refusal, type MetadataPeer, type MetadataPeerHandler } from './metadata-peer.js';

/** Pieces that one peer is asked for at a time. */
const AT_ONCE = 4;
/** A piece that is rejected is asked for again after this, milliseconds, and so often in all. */
const AGAIN_MS = 500;
const MOST_REJECTS = 3;

export interface InfoDownloadOptions {
  /** A longer `info` is not taken, bytes. */
  readonly maxBytes: number;
  /** Whether these are the bytes that the magnet's hashes are of. */
  readonly isRight: (info: Buffer) => boolean;
  readonly clock: Clock;
  readonly done: (info: Buffer) => void;
  readonly failed: (error: FleetseedError) => void;
  /** Something came. */
  readonly progressed: () => void;
}

/**
 * The `info` dictionary, whole from one peer (BEP 9): when its hash is wrong there is no doubt whose
 * fault that is. Memory is taken as pieces come, not on the strength of what a peer says.
 */
export class InfoDownload implements MetadataPeerHandler {
  peer: MetadataPeer | null = null;
  readonly #pieces = new Map<number, Buffer>();
  readonly #asked = new Set<number>();
  #size = 0;
  #next = 0;
  #rejects = 0;

  constructor(private readonly options: InfoDownloadOptions) {}

  introduced({ m, metadataSize = 0 }: ExtensionHandshake): void {
    if ((m.get(EXTENSION.metadata) ?? 0) === 0 || metadataSize === 0) {
      throw refusal('it gives no metadata away, as of a private torrent');
    }
    if (metadataSize > this.options.maxBytes) throw refusal('its metadata is too large');
    this.#size = metadataSize;
    this.#ask();
  }

  metadata(message: MetadataMessage): void {
    if (message.type === 'data') this.#take(message.piece, message.totalSize, message.bytes);
    else if (message.type === 'reject') this.#rejected(message.piece);
  }

  hashes(): void {}

  closed(error: FleetseedError): void {
    this.options.failed(error);
  }

  get #pieceCount(): number {
    return Math.ceil(this.#size / METADATA_PIECE_BYTES);
  }

  #ask(): void {
    while (this.#asked.size < AT_ONCE && this.#next < this.#pieceCount) {
      this.#asked.add(this.#next);
      this.peer!.request(this.#next++);
    }
  }

  #take(piece: number, totalSize: number, bytes: Buffer): void {
    if (!this.#asked.delete(piece)) throw protocolError('metadata that nobody asked for');
    if (totalSize !== this.#size) throw protocolError('it changed the size of its metadata');
    this.#pieces.set(piece, bytes);
    this.options.progressed();
    if (this.#pieces.size < this.#pieceCount) this.#ask();
    else this.#complete();
  }

  #complete(): void {
    const parts = Array.from({ length: this.#pieceCount }, (_, piece) => this.#pieces.get(piece)!);
    const info = Buffer.concat(parts);
    this.#pieces.clear();
    if (this.options.isRight(info)) return this.options.done(info);
    throw new FleetseedError('HASH_MISMATCH', 'The peer sent metadata of something else.');
  }

  #rejected(piece: number): void {
    if (!this.#asked.has(piece)) return;
    if (++this.#rejects > MOST_REJECTS) throw refusal('it rejects what it is asked for');
    this.options.clock.setTimer(AGAIN_MS, () => {
      if (this.#asked.has(piece)) this.peer!.request(piece);
    });
  }
}
