import { RateMeter } from '../policy/rate.meter.js';
import type { TorrentBytes, UploadReason } from './torrent.types.js';

export type ByteSource = 'origin' | 'peer' | 'far-peer' | 'stranger' | 'web-seed';
export type WasteReason = keyof TorrentBytes['wasted'];

/** The account of one torrent's payload bytes. */
export class ByteLedger {
  readonly down: RateMeter;
  readonly up: RateMeter;
  readonly #verified: Record<ByteSource, number> = {
    origin: 0,
    peer: 0,
    'far-peer': 0,
    stranger: 0,
    'web-seed': 0,
  };
  readonly #sent: Record<UploadReason, number> = {
    first: 0,
    rare: 0,
    stall: 0,
    stranger: 0,
    peer: 0,
  };
  readonly #wasted: Record<WasteReason, number> = { hashFailure: 0, duplicate: 0, aborted: 0 };

  constructor(now: number) {
    this.down = new RateMeter(now);
    this.up = new RateMeter(now);
  }

  /** Bytes that turned out right and were written. */
  verified(source: ByteSource, bytes: number): void {
    this.#verified[source] += bytes;
  }

  sent(reason: UploadReason, bytes: number, now: number): void {
    this.#sent[reason] += bytes;
    this.up.add(bytes, now);
  }

  wasted(reason: WasteReason, bytes: number): void {
    this.#wasted[reason] += bytes;
  }

  /** Everything sent, for the tracker. */
  get uploaded(): number {
    return Object.values(this.#sent).reduce((sum, bytes) => sum + bytes, 0);
  }

  /** Everything verified, for the tracker. */
  get downloaded(): number {
    return Object.values(this.#verified).reduce((sum, bytes) => sum + bytes, 0);
  }

  snapshot(): TorrentBytes {
    return {
      fromOrigin: this.#verified.origin,
      fromPeers: this.#verified.peer + this.#verified['far-peer'],
      fromAfar: this.#verified['far-peer'],
      fromStrangers: this.#verified.stranger,
      fromWebSeed: this.#verified['web-seed'],
      sent: { ...this.#sent },
      wasted: { ...this.#wasted },
    };
  }
}
