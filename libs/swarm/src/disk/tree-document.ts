import { z } from 'zod';

import { FleetseedError } from '#lib/contracts';

/** Where in an artifact the document lies. */
export const TREE_DOCUMENT_PATH = ['.fleetseed', 'tree.json'] as const;
export const MAX_TREE_DOCUMENT_BYTES = 16 * 1024 * 1024;

/** What BEP 52 cannot say about a tree. Paths are components joined by `/`, from the tree's root. */
export const TreeDocument = z.looseObject({
  v: z.literal(1),
  emptyFolders: z.array(z.string()).default([]),
  /** Path of a symlink → the exact text of its target, relative to the link's folder. */
  links: z.record(z.string(), z.string()).default({}),
});
export type TreeDocument = z.infer<typeof TreeDocument>;

/** @throws FleetseedError UNPACK_REFUSED naming what is wrong, also for a version we do not know. */
export function parseTreeDocument(bytes: Uint8Array): TreeDocument {
  if (bytes.length > MAX_TREE_DOCUMENT_BYTES) throw refused(`it has ${bytes.length} bytes`);
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw refused('it is not JSON', cause);
  }
  const parsed = TreeDocument.safeParse(json);
  if (parsed.success) return parsed.data;
  throw refused(z.prettifyError(parsed.error), parsed.error);
}

/** Deterministic: the same tree gives the same bytes. */
export function encodeTreeDocument(document: Pick<TreeDocument, 'emptyFolders' | 'links'>): Buffer {
  const links = Object.entries(document.links).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Buffer.from(
    JSON.stringify({
      v: 1,
      emptyFolders: document.emptyFolders.toSorted(),
      links: Object.fromEntries(links),
    }),
  );
}

function refused(what: string, cause?: unknown): FleetseedError {
  const text = `The description of the tree cannot be used: ${what}`;
  return new FleetseedError('UNPACK_REFUSED', text, {}, { cause });
}
