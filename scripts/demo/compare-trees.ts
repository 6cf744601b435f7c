import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Says how two trees differ, in words; an empty list means that content, modes and link texts are the
 * same. It shares nothing with the product, on purpose: it is the witness.
 */
export async function compareTrees(expected: string, actual: string): Promise<string[]> {
  const [left, right] = await Promise.all([describeTree(expected), describeTree(actual)]);
  const paths = new Set([...left.keys(), ...right.keys()]);
  return [...paths].sort().flatMap((path) => {
    const [one, other] = [left.get(path), right.get(path)];
    if (one === other) return [];
    return [`${path}: ${one ?? 'should not be there'} ≠ ${other ?? 'is missing'}`];
  });
}

async function describeTree(root: string): Promise<Map<string, string>> {
  const facts = new Map<string, string>();
  const visit = async (relative: string): Promise<void> => {
    for (const name of await readdir(join(root, relative))) {
      const path = relative === '' ? name : `${relative}/${name}`;
      facts.set(path, await describeEntry(join(root, path)));
      if (facts.get(path)!.startsWith('folder')) await visit(path);
    }
  };
  await visit('');
  return facts;
}

async function describeEntry(path: string): Promise<string> {
  const stat = await lstat(path);
  if (stat.isSymbolicLink()) return `link to ${await readlink(path)}`;
  const mode = (stat.mode & 0o7777).toString(8);
  if (stat.isDirectory()) return `folder ${mode}`;
  return `file ${mode} ${stat.size} ${await digestOf(path)}`;
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha512');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('base64');
}
