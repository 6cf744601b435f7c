import {
  HASH_LENGTH,
  pieceLayerRequests,
  uncleCount,
  verifyHashes,
  type HashRequest,
  type Metainfo,
} from '#lib/torrent';

/** The piece layer of one file while it comes in. */
interface OpenLayer {
  readonly root: Buffer;
  readonly pieceCount: number;
  readonly hashes: Buffer;
  missing: number;
}

/**
 * The piece layers that a v2 torrent needs beside its `info` (BEP 52): what is to be asked for, and
 * what came. Each answer proves itself against its file's root, so what one peer gave stays when
 * another goes on.
 */
export class LayerBook {
  readonly #layers = new Map<string, OpenLayer>();
  #open: HashRequest[] = [];

  constructor({ files, pieceLength }: Metainfo) {
    for (const { root, length, pieceCount } of files) {
      const key = root?.toString('hex');
      // Files of the same content have one layer.
      if (!root || key === undefined || length <= pieceLength || this.#layers.has(key)) continue;
      const requests = pieceLayerRequests(root, length, pieceLength).map(withoutNeedlessProof);
      const width = requests.length * requests[0]!.length;
      const hashes = Buffer.alloc(width * HASH_LENGTH);
      this.#layers.set(key, { root, pieceCount, hashes, missing: requests.length });
      this.#open.push(...requests);
    }
  }

  get isComplete(): boolean {
    for (const { missing } of this.#layers.values()) if (missing > 0) return false;
    return true;
  }

  /** What is to be asked for next; undefined when everything is asked for. */
  take(): HashRequest | undefined {
    return this.#open.shift();
  }

  /** It was not answered. */
  putBack(requests: Iterable<HashRequest>): void {
    this.#open = [...requests, ...this.#open];
  }

  /** @returns whether the hashes prove themselves; only then they are kept */
  put(request: HashRequest, hashes: Buffer): boolean {
    const layer = this.#layers.get(request.root.toString('hex'));
    if (!layer || !verifyHashes(request, hashes, layer.root)) return false;
    const own = hashes.subarray(0, request.length * HASH_LENGTH);
    own.copy(layer.hashes, request.index * HASH_LENGTH);
    layer.missing--;
    return true;
  }

  /** Root (hex) → piece hashes, as in `piece layers`. */
  layers(): Map<string, Buffer> {
    const entries = [...this.#layers].map(
      ([key, { hashes, pieceCount }]) =>
        [key, hashes.subarray(0, pieceCount * HASH_LENGTH)] as const,
    );
    return new Map(entries);
  }
}

/**
 * Who asks for a whole layer gets no uncles however many proof layers it asks for; there are clients
 * (anacrolix) that reject every request with any.
 */
function withoutNeedlessProof(request: HashRequest): HashRequest {
  return uncleCount(request) === 0 ? { ...request, proofLayers: 0 } : request;
}
