import { appendFile, cp, mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The largest real build on a machine that has just run `npm ci`: the Node runtime itself. */
async function nodeRuntime(repository: string): Promise<string> {
  const modules = join(repository, 'node_modules');
  const name = (await readdir(modules)).find((each) => each.startsWith('node-linux-'));
  if (!name) throw new Error('The pinned Node runtime is not installed: run npm ci first.');
  return join(modules, name);
}

/**
 * The first build: the runtime tree, and what real releases have and it lacks: relative links to a
 * file, to a folder and up the tree, an empty file and an empty folder.
 */
export async function makeFirstBuild(repository: string, folder: string): Promise<void> {
  await cp(await nodeRuntime(repository), folder, { recursive: true, verbatimSymlinks: true });
  await mkdir(join(folder, 'sbin'));
  await symlink('../bin/node', join(folder, 'sbin', 'node'));
  await symlink('bin/node', join(folder, 'node-current'));
  await symlink('include', join(folder, 'headers'));
  await writeFile(join(folder, 'EMPTY'), '');
  await mkdir(join(folder, 'var', 'empty'), { recursive: true });
  await writeFile(join(folder, 'RELEASE'), 'build 1\n');
}

/** The second build: a few files differ, one is new, one is gone. */
export async function makeSecondBuild(first: string, folder: string): Promise<void> {
  await cp(first, folder, { recursive: true, verbatimSymlinks: true });
  await writeFile(join(folder, 'RELEASE'), 'build 2\n');
  await appendFile(join(folder, 'README.md'), '\nPatched.\n');
  await appendFile(join(folder, 'CHANGELOG.md'), '\nPatched.\n');
  await writeFile(join(folder, 'include', 'fleetseed.h'), '#define FLEETSEED 2\n');
  await rm(join(folder, 'EMPTY'));
}
