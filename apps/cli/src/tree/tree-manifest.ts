/** Where the artifact keeps what BEP 52 cannot say; the name is ours at the top of every tree. */
export const MANIFEST_FOLDER = '.fleetseed';
export const MANIFEST_PATH = [MANIFEST_FOLDER, 'tree.json'] as const;

/** What a tree has besides files with content, executable bits and links that BEP 47 can hold. */
export interface TreeExtras {
  /** Folders without any entry, as components. */
  readonly emptyFolders: readonly (readonly string[])[];
  /** Links that must be restored with this very text: components of the link, text. */
  readonly links: readonly { readonly path: readonly string[]; readonly text: string }[];
}

/**
 * The bytes of `.fleetseed/tree.json`, or null when there is nothing to say. The same tree always
 * gives the same bytes: they are part of the artifact's identity.
 */
export function manifestBytes({ emptyFolders, links }: TreeExtras): Buffer | null {
  if (emptyFolders.length === 0 && links.length === 0) return null;
  const folders = emptyFolders.map((path) => path.join('/')).toSorted(bytewise);
  const texts = links.map(({ path, text }) => [path.join('/'), text] as const);
  const entries = texts.toSorted(([a], [b]) => bytewise(a, b));
  // Written by hand: an object would move names that look like numbers to the front.
  const linked = entries.map(([path, text]) => `${JSON.stringify(path)}:${JSON.stringify(text)}`);
  return Buffer.from(
    `{"v":1,"emptyFolders":${JSON.stringify(folders)},"links":{${linked.join(',')}}}\n`,
  );
}

function bytewise(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right));
}
