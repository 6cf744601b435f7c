import type { Metainfo } from '#lib/torrent';

import { InstalledFiles, type SimilarFile } from './installed-files.js';

/**
 * What this machine holds already: the files of installed artifacts by their BEP 52 root, which is the
 * same for the same content in every artifact. It is only where to look: whoever takes bytes from
 * here verifies them.
 */
export class LocalContent {
  /** In the order in which they were installed. */
  readonly #installed = new Map<string, InstalledFiles>();

  /** @param root the artifact's folder, or its file when it is one file */
  add(root: string, metainfo: Metainfo): void {
    this.#installed.set(root, new InstalledFiles(root, metainfo));
  }

  remove(root: string): void {
    this.#installed.delete(root);
  }

  /** Files that had this content when they were verified. */
  filesWithRoot(root: Buffer): readonly string[] {
    return [...this.#installed.values()].flatMap((files) => files.withRoot(root));
  }

  /**
   * The file of an installed artifact that is most likely an earlier version: same path in the
   * artifact and same piece length, so that pieces can be compared one by one.
   */
  similarFile(path: readonly string[], pieceLength: number): SimilarFile | null {
    for (const files of [...this.#installed.values()].toReversed()) {
      const similar = files.withPath(path, pieceLength);
      if (similar) return similar;
    }
    return null;
  }
}
