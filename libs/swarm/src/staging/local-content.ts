import type { Metainfo } from '#lib/torrent';

import { ArtifactPaths } from '../disk/artifact-paths.js';

/** A local file whose pieces are known by their hashes. */
export interface SimilarFile {
  readonly path: string;
  readonly length: number;
  /** 32 bytes for each piece of the artifact's piece length. */
  readonly layer: Buffer;
}

/**
 * What this machine holds already: the files of installed artifacts by their BEP 52 root, which is the
 * same for the same content in every artifact. It is only where to look: whoever takes bytes from
 * here verifies them.
 */
export class LocalContent {
  readonly #byRoot = new Map<string, Set<string>>();
  readonly #installed = new Map<string, Metainfo>();

  /** @param root the artifact's folder, or its file when it is one file */
  add(root: string, metainfo: Metainfo): void {
    this.#installed.set(root, metainfo);
    this.#eachFile(root, metainfo, (key, path) => {
      const paths = this.#byRoot.get(key);
      if (paths) paths.add(path);
      else this.#byRoot.set(key, new Set([path]));
    });
  }

  remove(root: string): void {
    const metainfo = this.#installed.get(root);
    if (!metainfo) return;
    this.#installed.delete(root);
    this.#eachFile(root, metainfo, (key, path) => {
      const paths = this.#byRoot.get(key);
      paths?.delete(path);
      if (paths?.size === 0) this.#byRoot.delete(key);
    });
  }

  /** Files that had this content when they were verified. */
  filesWithRoot(root: Uint8Array): readonly string[] {
    return [...(this.#byRoot.get(keyOf(root)) ?? [])];
  }

  /**
   * The file of an installed artifact that is most likely an earlier version: same path in the
   * artifact and same piece length, so that pieces can be compared one by one.
   */
  similarFile(path: readonly string[], pieceLength: number): SimilarFile | null {
    for (const [root, metainfo] of [...this.#installed].toReversed()) {
      if (metainfo.pieceLength !== pieceLength) continue;
      const wanted = metainfo.single
        ? metainfo.files[0]
        : metainfo.files.find((file) => samePath(file.path, path));
      const layer = wanted?.root
        ? metainfo.pieceLayers.get(wanted.root.toString('hex'))
        : undefined;
      if (!wanted || !layer) continue;
      const local = new ArtifactPaths(root, metainfo.single).pathOf(wanted.path);
      return { path: local, length: wanted.length, layer };
    }
    return null;
  }

  #eachFile(root: string, metainfo: Metainfo, visit: (key: string, path: string) => void): void {
    const paths = new ArtifactPaths(root, metainfo.single);
    for (const file of metainfo.files) {
      if (file.root) visit(keyOf(file.root), paths.pathOf(file.path));
    }
  }
}

/** 32 characters instead of 64: a fleet's machine may hold tens of thousands of files. */
function keyOf(root: Uint8Array): string {
  return Buffer.from(root.buffer, root.byteOffset, root.byteLength).toString('latin1');
}

function samePath(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((part, index) => part === right[index]);
}
