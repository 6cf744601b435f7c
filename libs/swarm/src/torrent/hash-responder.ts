import { BLOCK_LENGTH, MerkleTree, hashesFor, type Metainfo } from '#lib/torrent';
import type { HashRange } from '#lib/wire';

/** Trees that are kept for the next request; a peer asks for one file after the other. */
const MOST_TREES = 4;

/**
 * Answers hash requests (BEP 52): from the piece layers of the metainfo, and below them from leaf
 * hashes where somebody keeps them.
 */
export class HashResponder {
  /** Hex; of all files, made when leaves are asked for. */
  #roots: ReadonlySet<string> | null = null;
  readonly #trees = new Map<string, MerkleTree>();

  constructor(
    private readonly metainfo: Metainfo,
    private readonly leavesOf: ((root: Buffer) => Promise<Buffer | null>) | undefined,
  ) {}

  /** @returns null when the request is to be rejected */
  async answer(range: HashRange): Promise<Buffer | null> {
    const key = range.root.toString('hex');
    const layer = Math.log2(this.metainfo.pieceLength / BLOCK_LENGTH);
    const pieceHashes = this.metainfo.pieceLayers.get(key);
    if (range.base >= layer && pieceHashes) {
      return hashesFor(range, this.#treeOf(key, pieceHashes, layer));
    }
    const known = this.#trees.get(`${key} 0`);
    if (known) return hashesFor(range, known);
    // Whoever keeps leaves may keep those of other artifacts, too.
    const leaves = this.leavesOf && this.#isOurs(key) ? await this.leavesOf(range.root) : null;
    return leaves && hashesFor(range, this.#treeOf(key, leaves, 0));
  }

  #isOurs(key: string): boolean {
    this.#roots ??= new Set(this.metainfo.files.map(({ root }) => root?.toString('hex') ?? ''));
    return this.#roots.has(key);
  }

  #treeOf(key: string, hashes: Buffer, base: number): MerkleTree {
    const name = `${key} ${base}`;
    const tree = this.#trees.get(name) ?? new MerkleTree(hashes, base);
    this.#trees.delete(name);
    this.#trees.set(name, tree);
    if (this.#trees.size > MOST_TREES) this.#trees.delete(this.#trees.keys().next().value!);
    return tree;
  }
}
