import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

/** Bytes that no compression and no reuse makes fewer. */
export function freshBytes(length: number): Buffer {
  return randomBytes(length);
}

export async function sha512Of(file: string): Promise<string> {
  const hash = createHash('sha512');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

/**
 * A tree as one line an entry, sorted: `file <path> <mode> <sha512>`, `link <path> <target>`,
 * `folder <path>`. Of the mode only what is transferred: whether the owner may execute it.
 */
export async function listTree(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const lines = entries.map(async (entry) => {
    const place = join(entry.parentPath, entry.name);
    const path = place.slice(root.length + 1);
    if (entry.isSymbolicLink()) return `link ${path} ${await readlink(place)}`;
    if (entry.isDirectory()) return `folder ${path}`;
    const { mode } = await lstat(place);
    return `file ${path} ${mode & 0o100 ? 'x' : '-'} ${await sha512Of(place)}`;
  });
  return (await Promise.all(lines)).sort();
}
