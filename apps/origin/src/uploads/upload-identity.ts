import { createHash } from 'node:crypto';

import { canonicalOrder, type Metainfo } from '#lib/torrent';

import type { DeclaredTree } from './declared-tree.js';

/**
 * The same tree for the same version by the same caller is the same upload: asking for it again
 * resumes it, from whichever machine. 32 hex digits.
 */
export function uploadIdOf(
  app: string,
  { request, pieceLength }: DeclaredTree,
  creator: string,
): string {
  const hash = createHash('sha256');
  const { version, name, single, format } = request;
  hash.update(JSON.stringify([app, version, name, single, format, pieceLength, creator]));
  for (const index of canonicalOrder(request.files)) {
    hash.update(JSON.stringify(identityOf(request.files[index]!)));
  }
  return hash.digest('hex').slice(0, 32);
}

/** Whether a declaration would give just the artifact that this metainfo describes. */
export function sameContent({ request, pieceLength }: DeclaredTree, metainfo: Metainfo): boolean {
  const same =
    metainfo.name === request.name &&
    metainfo.single === request.single &&
    metainfo.pieceLength === pieceLength &&
    (metainfo.infoHashV1 !== null) === (request.format === 'hybrid') &&
    metainfo.files.length === request.files.length;
  if (!same) return false;
  return canonicalOrder(request.files).every((index, position) => {
    const found = metainfo.files[position]!;
    const stored = { ...found, root: found.root?.toString('hex') ?? null };
    return JSON.stringify(identityOf(request.files[index]!)) === JSON.stringify(identityOf(stored));
  });
}

interface FileIdentity {
  readonly path: readonly string[];
  readonly length: number;
  readonly root: string | null;
  readonly executable: boolean;
  readonly symlink?: readonly string[] | null | undefined;
}

function identityOf({ path, length, root, executable, symlink }: FileIdentity): unknown {
  // A link has no mode of its own.
  return [path, length, root, symlink ? false : executable, symlink ?? null];
}
