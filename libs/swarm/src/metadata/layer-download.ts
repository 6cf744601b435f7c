import { FleetseedError } from '#lib/contracts';
import type { HashRequest } from '#lib/torrent';
import type { HashRange } from '#lib/wire';

import type { LayerBook } from './layer-book.js';
import { refusal, type MetadataPeer, type MetadataPeerHandler } from './metadata-peer.js';

/** Requests that one peer is sent at a time. */
const AT_ONCE = 8;

export interface LayerDownloadOptions {
  readonly book: LayerBook;
  readonly done: () => void;
  readonly failed: (error: FleetseedError) => void;
  /** Something came. */
  readonly progressed: () => void;
}

/** What is still lacking of the piece layers, from one peer that speaks v2. */
export class LayerDownload implements MetadataPeerHandler {
  peer: MetadataPeer | null = null;
  readonly #asked = new Map<string, HashRequest>();

  constructor(private readonly options: LayerDownloadOptions) {}

  introduced(): void {
    this.#ask();
  }

  metadata(): void {}

  hashes(range: HashRange, hashes: Buffer | null): void {
    const key = keyOf(range);
    const request = this.#asked.get(key);
    if (!request) return;
    if (hashes === null) throw refusal('it rejects hash requests');
    if (!this.options.book.put(request, hashes)) {
      throw new FleetseedError(
        'HASH_MISMATCH',
        'The peer sent hashes that do not prove themselves.',
      );
    }
    this.#asked.delete(key);
    this.options.progressed();
    if (this.options.book.isComplete) this.options.done();
    else this.#ask();
  }

  closed(error: FleetseedError): void {
    this.options.book.putBack(this.#asked.values());
    this.#asked.clear();
    this.options.failed(error);
  }

  #ask(): void {
    while (this.#asked.size < AT_ONCE) {
      const request = this.options.book.take();
      if (!request) return;
      this.#asked.set(keyOf(request), request);
      this.peer!.requestHashes(request);
    }
  }
}

function keyOf({ root, base, index, length }: HashRange): string {
  return `${root.toString('hex')} ${base} ${index} ${length}`;
}
