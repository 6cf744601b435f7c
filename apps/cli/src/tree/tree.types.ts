/** Where the bytes of an entry are: in a file on this machine, or here (the tree's manifest). */
export type EntryContent = { readonly path: string } | { readonly bytes: Buffer };

/** One file or link of what is pushed. */
export interface TreeEntry {
  /** Components below the artifact's root; `[name]` when the artifact is a single file. */
  readonly path: readonly string[];
  readonly content: EntryContent;
  /** Bytes; 0 for links. */
  readonly length: number;
  readonly executable: boolean;
  /** Components from the root that a link points to; null for files. */
  readonly symlink: readonly string[] | null;
}

export interface ScannedTree {
  readonly single: boolean;
  /** The last component of the path that was given, dots resolved, links not. */
  readonly baseName: string;
  /** In canonical order (BEP 52: bytewise, component by component). */
  readonly entries: readonly TreeEntry[];
  /** Bytes of all files together. */
  readonly bytes: number;
  /** What only a manifest can say, when none was asked for. */
  readonly unsaid: readonly string[];
}
