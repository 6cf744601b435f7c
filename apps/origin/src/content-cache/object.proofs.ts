import { blobKey, leavesKey, PackIndex, packKey, type ContentFile, type Depot } from '#lib/depot';
import { HASH_LENGTH } from '#lib/torrent';

import { BlobProof } from './blob.proof.js';
import { LruPolicy } from './lru.policy.js';
import { PackProof } from './pack.proof.js';
import { integrity, type ObjectProof } from './span.proof.js';
import type { StoreTrials } from './store.trials.js';

/** Of leaves and pack indexes that are kept. */
const KEPT_BYTES = 16 * 1024 * 1024;
/** What a parsed index takes for a byte of it, about. */
const PARSED = 3;

/** What the objects of the depot have to hash to, from what lies beside them; kept for the next span. */
export class ObjectProofs {
  readonly #kept = new LruPolicy<Promise<unknown>>(KEPT_BYTES);
  readonly #loading = new Map<string, Promise<unknown>>();

  constructor(
    private readonly depot: Pick<Depot, 'readObject'>,
    /** Indexes are asked for by it; leaves come with the span that they are for. */
    private readonly trials: StoreTrials,
  ) {}

  /** @throws NOT_FOUND when the object has been repacked or removed; DEPOT_INTEGRITY, DEPOT_CORRUPT */
  async of(object: string, file: ContentFile): Promise<ObjectProof> {
    if (object !== blobKey(file.root)) return this.#packProof(object);
    const leaves = leavesKey(file.root);
    const read = (first: number, count: number) =>
      this.depot.readObject(leaves, { offset: first * HASH_LENGTH, length: count * HASH_LENGTH });
    return new BlobProof(object, file, read, (unit, bytes, load) =>
      this.#keep(`${leaves} ${unit}`, load, () => bytes),
    );
  }

  /** The id of a pack is a hash of its index: an index that is not the one written is found out by it. */
  async #packProof(object: string): Promise<ObjectProof> {
    const key = `${object}.index`;
    const load = async () => {
      const bytes = await this.trials.run(() => this.depot.readObject(key));
      const index = PackIndex.decode(bytes);
      if (packKey(index.id) !== object)
        throw integrity('The index of a pack is another.', object, 0);
      return { proof: new PackProof(index), bytes: bytes.length * PARSED };
    };
    return (await this.#keep(key, load, ({ bytes }) => bytes)).proof;
  }

  /** Loads a thing once for all who want it at a time, and keeps what was used last. */
  async #keep<T>(key: string, load: () => Promise<T>, bytesOf: (value: T) => number): Promise<T> {
    const known = this.#loading.get(key) ?? this.#kept.get(key);
    if (known) return known as Promise<T>;
    const loading = load();
    this.#loading.set(key, loading);
    try {
      const value = await loading;
      this.#kept.admit(key, loading, bytesOf(value));
      this.#kept.unpin(key);
      return value;
    } finally {
      this.#loading.delete(key);
    }
  }
}
