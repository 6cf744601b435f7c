import { randomBytes } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Savings } from '#lib/contracts';

import { Sandbox, type OriginProcess } from '../support/sandbox.js';
import { treePicture } from '../support/tree-picture.js';

const MIB = 1024 * 1024;
let sandbox: Sandbox;
let origin: OriginProcess;
/** As it was pushed. */
let tree: string;

beforeAll(async () => {
  sandbox = await Sandbox.create();
  origin = await sandbox.origin();
  const many = Object.fromEntries(
    Array.from({ length: 400 }, (_, at) => [`many/${at % 7}/f${at}`, randomBytes(3000 + at)]),
  );
  tree = await sandbox.tree({
    ...many,
    'bin/tool': { content: randomBytes(2 * MIB + 11), mode: 0o755 },
    'data/a.bin': randomBytes(5 * MIB + 1),
    'data/deep/b.bin': randomBytes(MIB),
    'data/none': '',
  });
  symlinkSync('../bin/tool', `${tree}/data/tool`);
  await origin.json('push', tree, '--app', 'tree', '--version', '1');
});
afterAll(() => sandbox.close());

interface Done {
  readonly bytes: number;
  readonly fromOrigin: number;
  readonly fromPeers: number;
  readonly reused: number;
  readonly total?: number;
  readonly bad?: readonly { readonly path: string; readonly badBytes: number }[];
}

function pullArgs(out: string, ...more: string[]): string[] {
  return ['pull', 'tree@1', '--out', out, '--listen', '127.0.0.1:0', '--json', ...more];
}

async function pull(out: string, ...more: string[]): Promise<Done> {
  const outcome = await origin.run(pullArgs(out, ...more));
  if (outcome.exit !== 0) throw new Error(outcome.stderr);
  return outcome.json<Done>();
}

function files(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).toSorted();
}

describe('pulling some files of a tree', () => {
  it('fetches these only, and the rest when that is asked for', async () => {
    const out = await sandbox.folder('out');
    const some = await pull(out, '--select', 'data/deep', './bin/tool');
    const bytes = 3 * MIB + 11;
    expect(some).toMatchObject({ bytes, fromOrigin: bytes, reused: 0 });
    expect(some.total).toBeGreaterThan(8 * MIB);
    expect(readdirSync(out)).toEqual(['tree']);
    expect(files(`${out}/tree`)).toEqual([
      'bin',
      'bin/tool',
      'data',
      'data/deep',
      'data/deep/b.bin',
    ]);
    expect(statSync(`${out}/tree/bin/tool`).mode & 0o777).toBe(0o755);

    expect(await pull(out, '--select', 'bin')).toMatchObject({
      fromOrigin: 0,
      reused: 2 * MIB + 11,
    });
    const links = await pull(out, '--select', 'data/tool', 'data/none');
    expect(links.bytes).toBe(0);
    expect(files(`${out}/tree/data`)).toEqual(['deep', 'deep/b.bin', 'none', 'tool']);

    const rest = await pull(out);
    expect(rest).toMatchObject({ bytes: some.total, reused: bytes });
    expect(treePicture(`${out}/tree`)).toEqual(treePicture(tree));
    expect(readdirSync(out)).toEqual(['tree']);
  });

  it('is an account that adds up', async () => {
    const before = await origin.json<Savings>('savings');
    await pull(await sandbox.folder('out'), '--select', 'data');
    const after = await origin.json<Savings>('savings');
    expect(after.delivered - before.delivered).toBe(6 * MIB + 1);
    expect(after.residual - before.residual).toBe(0);
  });

  it('names what is near when there is no such path, and touches nothing', async () => {
    const out = await sandbox.folder('out');
    const outcome = await origin.run(pullArgs(out, '--select', 'bin', 'data/deap'));
    expect(outcome.exit).toBe(4);
    expect(outcome.json()).toMatchObject({ error: { code: 'PATH_NOT_FOUND' } });
    expect(outcome.stderr).toContain('did you mean "data/deep"');
    expect(readdirSync(out)).toEqual([]);
  });

  it('does not pass for a complete seed', async () => {
    const [part, whole] = [await sandbox.folder('out'), await sandbox.folder('out')];
    const seeder = sandbox.start(pullArgs(part, '--select', 'data', '--seed'), origin.env);
    await seeder.event('done');
    const done = await pull(whole);
    expect(done.fromOrigin).toBeGreaterThan(0);
    expect(treePicture(`${whole}/tree`)).toEqual(treePicture(tree));
    expect(await seeder.stop()).toBe(0);
  });

  it("leaves a folder alone that is somebody else's", async () => {
    const out = await sandbox.folder('out');
    const foreign = await sandbox.tree({ 'tree/mine': 'mine' });
    const outcome = await origin.run(pullArgs(foreign));
    expect(outcome.exit).toBe(5);
    expect(files(foreign)).toEqual(['tree', 'tree/mine']);
    expect(existsSync(`${out}/tree`)).toBe(false);
  });
});

describe('checking what was pulled', () => {
  it('puts right what is bad, says what that was, and fetches no more', async () => {
    const out = await sandbox.folder('out');
    await pull(out);
    expect((await pull(out, '--verify')).bad).toEqual([]);

    const damaged = readFileSync(`${out}/tree/data/a.bin`);
    damaged[3 * MIB]! ^= 1;
    writeFileSync(`${out}/tree/data/a.bin`, damaged);
    appendFileSync(`${out}/tree/many/1/f1`, 'more');
    rmSync(`${out}/tree/data/deep`, { recursive: true });
    rmSync(`${out}/tree/data/tool`);
    writeFileSync(`${out}/tree/notes`, 'mine');
    const refused = await origin.run(pullArgs(out));
    expect(refused.exit).toBe(5);
    expect(refused.stderr).toContain('--verify');

    const done = await pull(out, '--verify');
    expect(done.bad).toEqual([
      { path: 'data/a.bin', badBytes: 64 * 1024 },
      { path: 'many/1/f1', badBytes: 0 },
    ]);
    // Of a file that is one piece nothing is right.
    expect(done.fromOrigin).toBe(64 * 1024 + MIB + 3001);
    expect(readFileSync(`${out}/tree/notes`, 'utf8')).toBe('mine');
    rmSync(`${out}/tree/notes`);
    expect(treePicture(`${out}/tree`)).toEqual(treePicture(tree));
    expect(readdirSync(out)).toEqual(['tree']);
  });

  it('works for one file, too', async () => {
    const file = `${await sandbox.tree({ one: randomBytes(3 * MIB) })}/one`;
    await origin.json('push', file, '--app', 'one', '--version', '1');
    const out = await sandbox.folder('out');
    writeFileSync(`${out}/one`, readFileSync(file).subarray(0, 2 * MIB + 5));
    const args = ['pull', 'one@1', '--out', out, '--listen', '127.0.0.1:0', '--verify', '--json'];
    const outcome = await origin.run(args);
    expect(outcome.exit).toBe(0);
    expect(outcome.stderr).toContain('bad: one');
    expect(outcome.json<Done>().reused).toBe(2 * MIB);
    expect(readFileSync(`${out}/one`).equals(readFileSync(file))).toBe(true);
  });
});
