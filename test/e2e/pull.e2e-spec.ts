import { randomBytes } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Savings } from '#lib/contracts';

import { Sandbox, type OriginProcess } from '../support/sandbox.js';
import { treePicture } from '../support/tree-picture.js';

const MIB = 1024 * 1024;
let sandbox: Sandbox;
let origin: OriginProcess;

beforeAll(async () => {
  sandbox = await Sandbox.create();
  origin = await sandbox.origin();
});
afterAll(() => sandbox.close());

interface Done {
  readonly event: 'done';
  readonly bytes: number;
  readonly fromOrigin: number;
  readonly fromPeers: number;
  readonly reused: number;
  readonly seconds: number;
}

function pullArgs(reference: string, out: string, ...more: string[]): string[] {
  return ['pull', reference, '--out', out, '--listen', '127.0.0.1:0', '--json', ...more];
}

async function pull(reference: string, out: string, ...more: string[]): Promise<Done> {
  const outcome = await origin.run(pullArgs(reference, out, ...more));
  if (outcome.exit !== 0) throw new Error(outcome.stderr);
  return outcome.json<Done>();
}

async function push(path: string, app: string): Promise<void> {
  await origin.json('push', path, '--app', app, '--version', '1');
}

describe('pulling', () => {
  it('brings a tree just as it was pushed, and leaves nothing else behind', async () => {
    const small = Object.fromEntries(
      Array.from({ length: 300 }, (_, at) => [`lib/${at % 20}/f${at}`, randomBytes(1000 + at)]),
    );
    const tree = await sandbox.tree({
      ...small,
      'bin/run': { content: '#!/bin/sh\n', mode: 0o755 },
      'data/large': randomBytes(3 * MIB + 7),
      none: '',
    });
    mkdirSync(`${tree}/var/empty`, { recursive: true });
    symlinkSync('../bin/run', `${tree}/lib/run`);
    symlinkSync('./bin', `${tree}/sbin`);
    symlinkSync('..', `${tree}/var/top`);
    symlinkSync('not/there', `${tree}/later`);
    await push(tree, 'tree');

    const out = await sandbox.folder('out');
    const done = await pull('tree@1', out);
    expect(Object.keys(done)).toEqual([
      'event',
      'bytes',
      'fromOrigin',
      'fromPeers',
      'reused',
      'seconds',
    ]);
    expect(done).toMatchObject({ event: 'done', fromOrigin: done.bytes, fromPeers: 0, reused: 0 });
    expect(treePicture(`${out}/tree`)).toEqual(treePicture(tree));
    expect(readdirSync(out)).toEqual(['tree']);
  });

  it('takes from a neighbour that seeds what the origin need not send again', async () => {
    const files = await sandbox.tree({ 'build.tgz': randomBytes(24 * MIB) });
    await push(`${files}/build.tgz`, 'shared');
    const before = await origin.json<Savings>('savings');
    const [one, two] = [await sandbox.folder('out'), await sandbox.folder('out')];
    const seeder = sandbox.start(pullArgs('shared@1', one, '--seed'), origin.env);
    await seeder.event('done');

    const done = await pull('shared@1', two);
    expect(done.fromPeers).toBeGreaterThan(12 * MIB);
    expect(done.fromOrigin + done.fromPeers).toBe(24 * MIB);
    expect(treePicture(two)).toEqual(treePicture(files));

    expect(await seeder.stop()).toBe(0);
    const after = await origin.json<Savings>('savings');
    expect(after.delivered - before.delivered).toBe(48 * MIB);
    expect(after.peers - before.peers).toBe(done.fromPeers);
    expect(after.residual - before.residual).toBe(0);
  });

  it('goes on after it was killed, without fetching again what it had', async () => {
    const files = await sandbox.tree({ big: randomBytes(96 * MIB) });
    await push(`${files}/big`, 'cut');
    const out = await sandbox.folder('out');
    const first = sandbox.start(pullArgs('cut@1', out), origin.env);
    // Resume data appears with the first verified pieces.
    while (!resumeDataIn(out) && first.events.length === 0) await pause(5);
    await first.kill();
    expect(existsSync(`${out}/big`)).toBe(first.events.length > 0);

    await pull('cut@1', out);
    expect(treePicture(out)).toEqual(treePicture(files));
    expect(readdirSync(out)).toEqual(['big']);
  });

  it('finds that it is there already, and refuses to replace something else', async () => {
    const files = await sandbox.tree({ tool: randomBytes(2 * MIB) });
    await push(`${files}/tool`, 'twice');
    const out = await sandbox.folder('out');
    await pull('twice@1', out);
    expect(await pull('twice@1', out)).toMatchObject({
      fromOrigin: 0,
      fromPeers: 0,
      reused: 2 * MIB,
    });

    writeFileSync(`${out}/tool`, 'mine');
    const outcome = await origin.run(pullArgs('twice@1', out));
    expect(outcome.exit).toBe(5);
    expect(outcome.json()).toMatchObject({ error: { code: 'ALREADY_EXISTS' } });
  });

  it('does not seed a file that was edited', async () => {
    const files = await sandbox.tree({ note: randomBytes(16 * MIB) });
    await push(`${files}/note`, 'edited');
    const [one, two] = [await sandbox.folder('out'), await sandbox.folder('out')];
    const seeder = sandbox.start(pullArgs('edited@1', one, '--seed'), origin.env);
    await seeder.event('done');
    appendFileSync(`${one}/note`, 'more');
    const done = await pull('edited@1', two);
    // What it still has in memory is right; the file itself is not read any more.
    expect(done.fromOrigin).toBeGreaterThan(0);
    expect(seeder.stderr).toContain('note was changed and is not seeded any more');
    expect(treePicture(two)).toEqual(treePicture(files));
    expect(await seeder.stop()).toBe(0);
  });
});

describe('a pull that cannot be', () => {
  it('names what is not there', async () => {
    const outcome = await origin.run(pullArgs('nothing@1', await sandbox.folder('out')));
    expect(outcome.exit).toBe(4);
    expect(outcome.json()).toMatchObject({ error: { code: 'APP_NOT_FOUND' } });
  });

  it('gives up in time when nobody has anything', async () => {
    const mute = await sandbox.origin(undefined, {
      env: { FLEETSEED_ROLES: 'api,tracker,work' },
    });
    const file = `${await sandbox.tree({ a: randomBytes(MIB) })}/a`;
    await mute.json('push', file, '--app', 'mute', '--version', '1');
    const outcome = await mute.run(
      pullArgs('mute@1', await sandbox.folder('out'), '--timeout', '2'),
    );
    expect(outcome.exit).toBe(6);
    expect(outcome.json()).toMatchObject({ error: { code: 'NO_PEERS' } });
  });

  it('says what is wrong with an address', async () => {
    const out = await sandbox.folder('out');
    for (const listen of ['nowhere', 'localhost:0', '127.0.0.1:99999', '203.0.113.1:0']) {
      const args = ['pull', 'a@1', '--out', out, '--listen', listen];
      expect([listen, (await origin.run(args)).exit]).toEqual([listen, 2]);
    }
  });
});

function resumeDataIn(out: string): boolean {
  return readdirSync(out, { recursive: true, encoding: 'utf8' }).some((path) =>
    path.endsWith('.resume'),
  );
}
