import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';

import { systemErrorCode } from '#lib/contracts';

/** A file of the built page, whole in memory: together they are some hundred kilobytes. */
export interface PageFile {
  readonly bytes: Buffer;
  readonly contentType: string;
  readonly etag: string;
  /** The name holds a hash of the content, so it may be kept for ever. */
  readonly immutable: boolean;
}

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.woff2': 'font/woff2',
};

/** Vite puts what it names by content here. */
const HASHED_FOLDER = '/assets/';

/**
 * Reads a built page. A request is later looked up in this table by its path and never on the disk,
 * so that no path from outside reaches the file system.
 * @returns files by URL path (`/index.html`, `/assets/…`); empty when the page was not built.
 */
export async function readPageFiles(folder: string): Promise<Map<string, PageFile>> {
  const files = new Map<string, PageFile>();
  let entries: Awaited<ReturnType<typeof listFiles>>;
  try {
    entries = await listFiles(folder);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return files;
    throw error;
  }
  for (const path of entries) {
    const contentType = CONTENT_TYPES[extname(path)];
    if (contentType === undefined) continue;
    const bytes = await readFile(join(folder, path));
    const hash = createHash('sha256').update(bytes).digest('base64url').slice(0, 22);
    const immutable = path.startsWith(HASHED_FOLDER);
    files.set(path, { bytes, contentType, etag: `"${hash}"`, immutable });
  }
  return files;
}

async function listFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length));
}
