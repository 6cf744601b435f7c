import { createCipheriv, createHash, hash } from 'node:crypto';
import { createReadStream, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { open, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { smallFileSizes } from './small-files.ts';

const CHUNK = 4 * 1024 * 1024;
const MIB = 1024 * 1024;
/** A file of a sparse payload has so many bytes of its own at the start of every MiB. */
const MARK = 16;
const FILES_A_FOLDER = 50;
const FOLDERS_A_FOLDER = 20;

/** What every contestant has to deliver: a file, or a tree of files. */
export interface Payload {
  /** For people: `one file of 1024 MiB`. */
  readonly title: string;
  readonly path: string;
  readonly bytes: number;
  readonly tree: boolean;
  readonly sparse: boolean;
  /** Hex by path below `path`, with slashes; the one file of a payload that is no tree has the path ''. */
  readonly sha256: ReadonlyMap<string, string>;
}

/** Bytes that no compression shortens, others for every name, the same in every run. */
function noise(name: string): { next(bytes: number): Buffer } {
  const key = hash('sha256', name, 'buffer').subarray(0, 16);
  const cipher = createCipheriv('aes-128-ctr', key, Buffer.alloc(16));
  return { next: (bytes) => cipher.update(Buffer.alloc(bytes)) };
}

/** @param content a name of it: another one has other bytes */
export async function makeFile(path: string, bytes: number, content = 'file'): Promise<Payload> {
  const source = noise(content);
  const digest = createHash('sha256');
  mkdirSync(dirname(path), { recursive: true });
  const file = await open(path, 'wx');
  try {
    for (let left = bytes; left > 0; left -= CHUNK) {
      const chunk = source.next(Math.min(CHUNK, left));
      digest.update(chunk);
      await file.write(chunk);
    }
  } finally {
    await file.close();
  }
  const title = `one file of ${Math.round(bytes / MIB)} MiB`;
  const sha256 = new Map([['', digest.digest('hex')]]);
  return { title, path, bytes, tree: false, sparse: false, sha256 };
}

/**
 * Mixed sizes, see {@link smallFileSizes}, in folders of 50 files.
 * @param content a name of it, as with {@link makeFile}
 */
export async function makeTree(
  path: string,
  bytes: number,
  files: number,
  content = 'tree',
): Promise<Payload> {
  const source = noise(content);
  const sha256 = new Map<string, string>();
  for (const [index, size] of smallFileSizes(bytes, files).entries()) {
    const folder = Math.floor(index / FILES_A_FOLDER);
    const parts = [`part-${Math.floor(folder / FOLDERS_A_FOLDER)}`, `module-${folder}`];
    if (index % FILES_A_FOLDER === 0) mkdirSync(join(path, ...parts), { recursive: true });
    const content = source.next(size);
    const name = [...parts, `file-${index}.js`].join('/');
    await writeFile(join(path, name), content);
    sha256.set(name, hash('sha256', content));
  }
  const title = `a tree of ${files} files, ${Math.round(bytes / MIB)} MiB`;
  return { title, path, bytes, tree: true, sparse: false, sha256 };
}

/** A file of holes, in which no two MiB are the same. */
export async function makeSparseFile(path: string, bytes: number): Promise<Payload> {
  const source = noise('sparse');
  const digest = createHash('sha256');
  mkdirSync(dirname(path), { recursive: true });
  const file = await open(path, 'wx');
  try {
    const chunk = Buffer.alloc(MIB);
    for (let at = 0; at < bytes; at += MIB) {
      source.next(MARK).copy(chunk);
      digest.update(chunk.subarray(0, Math.min(MIB, bytes - at)));
      await file.write(chunk, 0, Math.min(MARK, bytes - at), at);
    }
  } finally {
    await file.close();
  }
  await truncate(path, bytes);
  const title = `one sparse file of ${(bytes / MIB / 1024).toFixed(1)} GiB`;
  const sha256 = new Map([['', digest.digest('hex')]]);
  return { title, path, bytes, tree: false, sparse: true, sha256 };
}

/** @throws when there is not the payload, byte for byte, or more than it */
export async function requireSame(path: string, payload: Payload): Promise<void> {
  if (!payload.tree) {
    if ((await hashOf(path)) !== payload.sha256.get('')) throw different(path);
    return;
  }
  let files = 0;
  // A release is a link to its folder.
  for (const entry of readdirSync(join(path, '.'), { recursive: true, withFileTypes: true })) {
    if (entry.isDirectory()) continue;
    const file = join(entry.parentPath, entry.name);
    const name = file.slice(path.length + 1);
    if (hash('sha256', readFileSync(file)) !== payload.sha256.get(name)) throw different(file);
    files++;
  }
  if (files !== payload.sha256.size) {
    throw new Error(`${path} has ${files} files instead of ${payload.sha256.size}.`);
  }
}

async function hashOf(path: string): Promise<string> {
  if (!statSync(path).isFile()) throw different(path);
  const digest = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK })) {
    digest.update(chunk as Buffer);
  }
  return digest.digest('hex');
}

function different(path: string): Error {
  return new Error(`${path} is not what was sent.`);
}
