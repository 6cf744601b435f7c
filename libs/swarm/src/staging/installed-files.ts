import type { ArtifactFile, Metainfo } from '#lib/torrent';

import { ArtifactPaths } from '../disk/artifact-paths.js';

/** A local file whose pieces are known by their hashes. */
export interface SimilarFile {
  readonly path: string;
  readonly length: number;
  /** 32 bytes for each piece of the artifact's piece length. */
  readonly layer: Buffer;
}

/** So many bytes of a root tell nearly all files apart; a number holds them exactly. */
const KEY_BYTES = 6;

/**
 * The files of one installed artifact by their content and by their names. What it takes to find them is made when
 * somebody looks for the first time, and is twelve bytes a file: most of the time nobody does.
 */
export class InstalledFiles {
  readonly #paths: ArtifactPaths;
  #byRoot: { readonly files: Uint32Array; readonly keys: Float64Array } | null = null;
  /** Those with more than one piece. */
  #byPath: ReadonlyMap<string, ArtifactFile> | null = null;

  /** @param root the artifact's folder, or its file when it is one file */
  constructor(
    root: string,
    private readonly metainfo: Metainfo,
  ) {
    this.#paths = new ArtifactPaths(root, metainfo.single);
  }

  /** Where files lie that had this content when they were verified. */
  withRoot(root: Buffer): string[] {
    const { files, keys } = (this.#byRoot ??= this.#sortedByRoot());
    const key = keyOf(root);
    const found: string[] = [];
    for (let at = firstAtLeast(keys, key); keys[at] === key; at++) {
      const file = this.metainfo.files[files[at]!]!;
      if (root.equals(file.root!)) found.push(this.#paths.pathOf(file.path));
    }
    return found;
  }

  /** The file of more than one piece with the same path, if its pieces are as long. */
  withPath(path: readonly string[], pieceLength: number): SimilarFile | null {
    const { metainfo } = this;
    if (metainfo.pieceLength !== pieceLength) return null;
    this.#byPath ??= new Map(
      metainfo.files
        .filter(({ pieceCount }) => pieceCount > 1)
        .map((file) => [this.#nameOf(file.path), file]),
    );
    const file = this.#byPath.get(this.#nameOf(path));
    const layer = file?.root ? metainfo.pieceLayers.get(file.root.toString('hex')) : undefined;
    if (!file || !layer) return null;
    return { path: this.#paths.pathOf(file.path), length: file.length, layer };
  }

  /** An artifact that is one file has the same one in every version, whatever its name. */
  #nameOf(path: readonly string[]): string {
    return this.metainfo.single ? '' : path.join('/');
  }

  #sortedByRoot(): { files: Uint32Array; keys: Float64Array } {
    const { files: all } = this.metainfo;
    const withRoot = [...all.keys()].filter((file) => all[file]!.root !== null);
    const keyOfFile = new Float64Array(all.length);
    for (const file of withRoot) keyOfFile[file] = keyOf(all[file]!.root!);
    const files = Uint32Array.from(withRoot).sort(
      (left, right) => keyOfFile[left]! - keyOfFile[right]! || left - right,
    );
    return { files, keys: Float64Array.from(files, (file) => keyOfFile[file]!) };
  }
}

function keyOf(root: Buffer): number {
  return root.readUIntBE(0, KEY_BYTES);
}

function firstAtLeast(sorted: Float64Array, key: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
