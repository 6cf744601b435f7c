import { HASH_LENGTH, checkHashes, log2, nextPowerOfTwo, padHash, parentLayer } from './merkle.js';

/**
 * A file's hash tree from one layer up to its root: from the leaves (`base` 0) or from the piece
 * layer. Pads are not stored. Built for answering hash requests.
 */
export class MerkleTree {
  /** Layers above the leaves at which the root stands. */
  readonly height: number;
  private readonly layers: Buffer[] = [];

  /**
   * @param hashes all hashes of the layer `base`, pads left out
   * @param base layers above the leaves at which `hashes` stand
   */
  constructor(
    hashes: Buffer,
    readonly base: number,
  ) {
    this.height = base + log2(nextPowerOfTwo(checkHashes(hashes)));
    this.layers.push(hashes);
    for (let layer = base; layer < this.height; layer++) {
      this.layers.push(parentLayer(this.layers.at(-1)!, layer));
    }
  }

  get root(): Buffer {
    return this.node(this.height, 0);
  }

  /** Nodes of a layer, pads counted. */
  widthOf(layer: number): number {
    return 2 ** (this.height - layer);
  }

  /** A hash at `layer` (between `base` and `height`), or the pad that stands for a missing one. */
  node(layer: number, index: number): Buffer {
    const hashes = this.layers[layer - this.base];
    if (hashes === undefined) throw new RangeError(`No layer ${layer} in this tree`);
    const at = index * HASH_LENGTH;
    return at < hashes.length ? hashes.subarray(at, at + HASH_LENGTH) : padHash(layer);
  }
}
