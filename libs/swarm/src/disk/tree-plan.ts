import { FleetseedError } from '#lib/contracts';

import { META_FOLDER, type ArtifactLayout } from './artifact-paths.js';
import type { TreeDocument } from './tree-document.js';

/** As Linux: longer chains of links lead nowhere. */
const MAX_HOPS = 40;

export interface TreeFile {
  readonly path: readonly string[];
  readonly length: number;
  readonly executable: boolean;
  readonly symlink: readonly string[] | null;
}

export interface TreeLayout extends ArtifactLayout {
  readonly files: readonly TreeFile[];
}

/** What has to be made besides the files that have bytes. All paths from the root of the tree. */
export interface TreePlan {
  readonly emptyFiles: readonly (readonly string[])[];
  readonly emptyFolders: readonly (readonly string[])[];
  /** Joined path → text of the link. */
  readonly links: ReadonlyMap<string, string>;
}

/**
 * Works out what a tree needs besides its bytes, and refuses what could reach outside of it. Links are
 * followed as the kernel would, through other links of the tree, because a target that looks harmless
 * can pass another link on its way.
 *
 * @throws FleetseedError UNPACK_REFUSED
 */
export function planTree(layout: TreeLayout, document: TreeDocument | null): TreePlan {
  const visible = layout.files.filter(({ path }) => path[0] !== META_FOLDER || layout.single);
  const links = new Map<string, string>();
  for (const { path, symlink } of visible) {
    if (symlink) links.set(path.join('/'), linkText(path, symlink));
  }
  for (const [path, text] of Object.entries(document?.links ?? {})) links.set(path, text);
  const emptyFolders = (document?.emptyFolders ?? []).map((path) => path.split('/'));

  const files = visible.filter(({ symlink }) => symlink === null);
  const taken = new Set(files.map(({ path }) => path.join('/')));
  for (const path of [...links.keys()].map((link) => link.split('/')).concat(emptyFolders)) {
    checkPlace(path, taken);
  }
  const regular = files.map(({ path }) => path);
  if (links.size > 0) {
    for (const path of [...regular, ...emptyFolders]) checkNotBelowLink(path, links);
  }
  for (const [link, text] of links) {
    checkNotBelowLink(link.split('/').slice(0, -1), links);
    checkTarget(link, text, links);
  }
  for (const folder of emptyFolders) {
    if (links.has(folder.join('/'))) throw refused(folder.join('/'), 'it is a link, too');
  }
  return {
    emptyFiles: files.filter(({ length }) => length === 0).map(({ path }) => path),
    emptyFolders,
    links,
  };
}

/** The relative text that leads from a link's folder to a target given from the root (BEP 47). */
function linkText(path: readonly string[], target: readonly string[]): string {
  const folder = path.slice(0, -1);
  let shared = 0;
  while (shared < folder.length && folder[shared] === target[shared]) shared++;
  const up = folder.slice(shared).map(() => '..');
  return [...up, ...target.slice(shared)].join('/') || '.';
}

function checkPlace(path: readonly string[], taken: ReadonlySet<string>): void {
  const whole = path.join('/');
  const bad = path.some((name) => name === '' || name === '.' || name === '..');
  if (bad || whole.includes('\0')) throw refused(whole, 'it could lead outside of the tree');
  if (path[0] === META_FOLDER) throw refused(whole, `${META_FOLDER} is not part of the tree`);
  for (let depth = path.length; depth > 0; depth--) {
    if (taken.has(path.slice(0, depth).join('/'))) throw refused(whole, 'a file is in the way');
  }
}

/** Whatever is made below a link would be made where the link leads. */
function checkNotBelowLink(path: readonly string[], links: ReadonlyMap<string, string>): void {
  for (let depth = path.length; depth > 0; depth--) {
    const part = path.slice(0, depth).join('/');
    if (links.has(part)) throw refused(path.join('/'), 'a link is in the way');
  }
}

function checkTarget(link: string, text: string, links: ReadonlyMap<string, string>): void {
  if (text === '' || text.includes('\0')) throw refused(link, 'its target is not a path');
  const at = link.split('/').slice(0, -1);
  const ahead = text.split('/').toReversed();
  if (text.startsWith('/')) throw refused(link, 'its target is absolute');
  for (let hops = 0; ahead.length > 0;) {
    const name = ahead.pop()!;
    if (name === '' || name === '.') continue;
    if (name === '..') {
      if (at.pop() === undefined) throw refused(link, 'its target is outside of the tree');
      continue;
    }
    const next = links.get([...at, name].join('/'));
    if (next === undefined) {
      at.push(name);
      continue;
    }
    // A loop leads nowhere, and so not outside.
    if (++hops > MAX_HOPS) return;
    if (next.startsWith('/')) throw refused(link, 'its target is outside of the tree');
    ahead.push(...next.split('/').toReversed());
  }
}

function refused(path: string, what: string): FleetseedError {
  const shown = path.slice(0, 200);
  const text = `${JSON.stringify(shown)} cannot be made: ${what}.`;
  return new FleetseedError('UNPACK_REFUSED', text, { path: shown });
}
