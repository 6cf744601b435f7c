import { randomBytes } from 'node:crypto';
import { appendFileSync, chmodSync, mkdirSync, readdirSync, statSync, symlinkSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Release, Savings } from '#lib/contracts';

import { runFleetseed, type CommandOutcome } from '../support/processes.js';
import { Sandbox, type OriginProcess } from '../support/sandbox.js';

const MIB = 1024 * 1024;
let sandbox: Sandbox;
let origin: OriginProcess;

beforeAll(async () => {
  sandbox = await Sandbox.create();
  origin = await sandbox.origin();
});
afterAll(() => sandbox.close());

interface Pushed {
  readonly artifact: string;
  readonly infoHashV1: string | null;
  readonly infoHashV2: string;
  readonly bytes: number;
  readonly pieces: number;
  readonly pieceLength: number;
  readonly uploadedBytes: number;
}

function push(path: string, app: string, version: string, ...more: string[]): Promise<Pushed> {
  return origin.json<Pushed>('push', path, '--app', app, '--version', version, ...more);
}

function tryPush(path: string, app: string, version: string): Promise<CommandOutcome> {
  return origin.run(['push', path, '--app', app, '--version', version, '--json']);
}

describe('pushing a file', () => {
  it('publishes a hybrid release that is what `torrent create` makes of it', async () => {
    const tree = await sandbox.tree({ 'build.tgz': randomBytes(20 * MIB + 123) });
    const file = `${tree}/build.tgz`;
    const pushed = await push(file, 'file', '1.0');
    expect(Object.keys(pushed)).toEqual([
      'app',
      'version',
      'artifact',
      'infoHashV1',
      'infoHashV2',
      'bytes',
      'pieces',
      'pieceLength',
      'uploadedBytes',
    ]);
    expect(pushed).toMatchObject({ bytes: 20 * MIB + 123, uploadedBytes: 20 * MIB + 123 });
    expect(pushed.artifact).toBe(pushed.infoHashV2);

    const create = ['torrent', 'create', file, '--out', sandbox.path('file.torrent'), '--json'];
    const { infoHashV1, infoHashV2, pieces } = (await runFleetseed(create)).json();
    expect({ infoHashV1, infoHashV2, pieces }).toEqual({
      infoHashV1: pushed.infoHashV1,
      infoHashV2: pushed.infoHashV2,
      pieces: pushed.pieces,
    });
  });

  it('sends nothing the second time, and moves the channel it names', async () => {
    const tree = await sandbox.tree({ tool: randomBytes(3 * MIB) });
    const first = await push(`${tree}/tool`, 'again', '1');
    const second = await push(`${tree}/tool`, 'again', '1', '--channel', 'stable');
    expect(second).toEqual({ ...first, uploadedBytes: 0 });
    const state = await origin.json('channel', 'show', 'again@stable');
    expect(state).toMatchObject({ version: '1', artifact: first.artifact, sequence: 1 });
  });

  it('refuses other content under the same version, naming what is there', async () => {
    const tree = await sandbox.tree({ a: 'one', b: 'two' });
    const { artifact } = await push(`${tree}/a`, 'taken', '1', '--name', 'x');
    const outcome = await tryPush(`${tree}/b`, 'taken', '1');
    expect(outcome.exit).toBe(5);
    expect(outcome.json()).toMatchObject({ error: { code: 'VERSION_TAKEN' } });
    expect(outcome.stderr).toContain(artifact.slice(0, 12));
  });

  it('sends only what changed of a new version', async () => {
    const common = randomBytes(5 * MIB);
    const one = await sandbox.tree({ common, own: randomBytes(2 * MIB) });
    const two = await sandbox.tree({ 'moved/common': common, own: randomBytes(2 * MIB) });
    await push(one, 'delta', '1');
    expect((await push(two, 'delta', '2')).uploadedBytes).toBe(2 * MIB);
  });
});

describe('pushing a folder', () => {
  it('keeps many small files, executable bits, links and empty folders', async () => {
    const small = Object.fromEntries(
      Array.from({ length: 1200 }, (_, at) => [`lib/${at % 40}/f${at}`, randomBytes(2000 + at)]),
    );
    const tree = await sandbox.tree({ ...small, 'bin/run': { content: '#!', mode: 0o755 } });
    mkdirSync(`${tree}/var/empty`, { recursive: true });
    symlinkSync('../lib/1', `${tree}/bin/lib`);
    symlinkSync('./bin', `${tree}/sbin`);
    const pushed = await push(tree, 'tree', '1');
    expect(pushed.infoHashV1).toBeNull();

    const torrent = sandbox.path('tree.torrent');
    await origin.json('torrent', 'get', 'tree@1', '--out', torrent);
    const inspected = (await runFleetseed(['torrent', 'inspect', torrent, '--json'])).json();
    expect(inspected).toMatchObject({ name: 'tree', infoHashV2: pushed.infoHashV2, private: true });
    const files = inspected['files'] as { path: string }[];
    expect(files.length).toBe(1200 + 1 + 2 + 1);
    const named = new Map(files.map((file) => [file.path, file]));
    expect(named.get('bin/run')).toMatchObject({ executable: true });
    expect(named.get('bin/lib')).toMatchObject({ symlink: 'lib/1' });
    expect(named.get('sbin')).toMatchObject({ symlink: 'bin' });
    expect(named.has('.fleetseed/tree.json')).toBe(true);
  });

  it('is refused before anything is sent when a target could not restore it', async () => {
    const tree = await sandbox.tree({ ok: 'x', 'sub/suid': 'x' });
    chmodSync(`${tree}/sub/suid`, 0o4755);
    const outcome = await tryPush(tree, 'refused', '1');
    expect(outcome.exit).toBe(1);
    expect(outcome.stderr).toContain('"sub/suid" has the setuid bit set');
    expect((await origin.run(['release', 'show', 'refused@1'])).exit).toBe(4);
  });
});

describe('a push that is cut off', () => {
  it('resumes where the origin has it, also after that was killed', async () => {
    const data = await sandbox.folder('origin');
    let own = await sandbox.origin(data);
    const tree = await sandbox.tree({ big: randomBytes(48 * MIB) });
    const args = [
      'push',
      `${tree}/big`,
      '--app',
      'cut',
      '--version',
      '1',
      '--parallel',
      '1',
      '--json',
    ];
    const running = sandbox.start(args, own.env);
    await firstPart(own);
    await running.kill();
    await own.service.kill();

    own = await sandbox.origin(data);
    const outcome = await own.run(args);
    expect(outcome.exit).toBe(0);
    const { bytes, uploadedBytes } = outcome.json<Pushed>();
    expect(bytes).toBe(48 * MIB);
    expect(uploadedBytes).toBeLessThan(48 * MIB);
  });

  it('waits for an origin that is restarted meanwhile', async () => {
    const data = await sandbox.folder('origin');
    const own = await sandbox.origin(data);
    const { port } = new URL(own.url);
    const tree = await sandbox.tree({ big: randomBytes(40 * MIB) });
    const args = [
      'push',
      `${tree}/big`,
      '--app',
      'wait',
      '--version',
      '1',
      '--parallel',
      '1',
      '--json',
    ];
    const running = sandbox.start(args, own.env);
    await firstPart(own);
    await own.service.kill();
    await sandbox.origin(data, { listen: `127.0.0.1:${port}` });
    expect(await running.ended).toBe(0);
    expect(running.events.at(-1)).toMatchObject({ app: 'wait', bytes: 40 * MIB });
  });

  it('ends when the file changes, naming it', async () => {
    const tree = await sandbox.tree({ log: randomBytes(40 * MIB) });
    const writer = setInterval(() => appendFileSync(`${tree}/log`, 'x'), 1);
    const outcome = await tryPush(`${tree}/log`, 'changing', '1');
    clearInterval(writer);
    expect(outcome.exit).toBe(5);
    expect(outcome.json()).toMatchObject({ error: { code: 'TREE_CHANGED' } });
    expect(outcome.stderr).toContain('"log"');
  });
});

describe('errors that help', () => {
  it('say that the token is wrong, missing, or not enough', async () => {
    const file = `${await sandbox.tree({ a: 'x' })}/a`;
    const args = ['push', file, '--app', 'web', '--version', '1', '--json'];
    const none = await origin.run(args, { FLEETSEED_TOKEN: '' });
    expect(none.exit).toBe(3);
    expect(none.json()).toMatchObject({ error: { code: 'TOKEN_MISSING' } });
    expect((await origin.run(args, { FLEETSEED_TOKEN: 'nonsense' })).exit).toBe(3);

    const scope = ['--scope', 'app:other:push'];
    const token = await origin.json('token', 'create', 'ci', ...scope);
    const forbidden = await origin.run(args, { FLEETSEED_TOKEN: String(token['secret']) });
    expect(forbidden.exit).toBe(3);
    expect(forbidden.json()).toMatchObject({ error: { code: 'FORBIDDEN' } });
  });

  it('offer names that are near', async () => {
    const file = `${await sandbox.tree({ a: 'near' })}/a`;
    await push(file, 'frontend', '1.2.0');
    const app = await origin.run(['release', 'show', 'frontned@1.2.0']);
    expect(app.exit).toBe(4);
    expect(app.stderr).toContain('hint: did you mean "frontend"?');
    const version = await origin.run(['channel', 'set', 'frontend@stable', '1.2.1']);
    expect(version.exit).toBe(4);
    expect(version.stderr).toContain('hint: did you mean "1.2.0"?');
  });
});

describe('verbs that read', () => {
  it('list and show what was pushed', async () => {
    const file = `${await sandbox.tree({ a: 'list' })}/a`;
    await push(file, 'listed', '1', '--channel', 'stable');
    await push(file, 'listed', '2', '--name', 'b', '--channel', 'stable');
    const { items } = await origin.json<{ items: Release[] }>('release', 'list', 'listed');
    expect(items.map(({ version }) => version)).toEqual(['2', '1']);
    const back = await origin.json('channel', 'set', 'listed@stable', '1');
    expect(back).toMatchObject({ version: '1', sequence: 3 });
    const history = await origin.json<{ items: { version: string }[] }>(
      'channel',
      'history',
      'listed@stable',
    );
    expect(history.items.map(({ version }) => version)).toEqual(['1', '2', '1']);
    expect((await origin.run(['release', 'list', 'listed'])).stdout).toMatch(/^version +created/);
  });

  it('account for bytes, and check the connection', async () => {
    const savings = await origin.json<Savings>('savings');
    expect(savings).toMatchObject({ delivered: 0, residual: 0, ratio: 0 });
    const doctor = await origin.json<{ ok: boolean; checks: { check: string; state: string }[] }>(
      'doctor',
    );
    expect(doctor.ok).toBe(true);
    expect(doctor.checks.map(({ check }) => check)).toEqual([
      'origin',
      'clock',
      'token',
      'peer',
      'disk',
    ]);
  });

  it('manage tokens, and write a secret where only its owner reads it', async () => {
    const out = sandbox.path('secret');
    const made = await origin.json('token', 'join', 'rack', '--uses', '2', '--out', out);
    expect(made).not.toHaveProperty('secret');
    expect(statSync(out).mode & 0o777).toBe(0o600);
    const { items } = await origin.json<{ items: { token: string }[] }>('token', 'list');
    expect(items.map(({ token }) => token)).toContain(made['token']);
    await origin.json('token', 'revoke', String(made['token']));
    expect((await origin.run(['token', 'revoke', String(made['token'])])).exit).toBe(4);
  });
});

/**
 * Waits until an upload of this origin, sent one part at a time, has one for sure: the hashes of a
 * part are written before the part counts, so there is a first one when there are those of a second.
 */
async function firstPart({ data, service }: OriginProcess): Promise<void> {
  for (let look = 0; look < 3000; look++) {
    const paths = readdirSync(data, { recursive: true, encoding: 'utf8' });
    const hashes = paths.filter((path) =>
      /uploads\/[0-9a-f]{32}\/hashes\/\w+-\w+\/\d+-\w+$/.test(path),
    );
    if (hashes.length > 1) return;
    await pause(5);
  }
  throw new Error(`No part arrived: ${service.stderr}`);
}
