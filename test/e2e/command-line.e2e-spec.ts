import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { runFleetseed } from '../support/processes.js';
import { Sandbox } from '../support/sandbox.js';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await Sandbox.create();
});
afterAll(() => sandbox.close());

describe('the command line', () => {
  it('shows help without being asked twice, and quickly', async () => {
    const { exit, stdout } = await runFleetseed(['--help']);
    expect(exit).toBe(0);
    for (const verb of ['origin', 'agent', 'push', 'pull', 'torrent', 'savings', 'doctor']) {
      expect(stdout).toContain(`  ${verb} `);
    }
    expect((await runFleetseed(['help', 'push'])).stdout).toContain('Usage: fleetseed push');
  });

  it('tells its version', async () => {
    expect((await runFleetseed(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it('exits with 2 for what cannot be understood, and says it as JSON too', async () => {
    const unknown = await runFleetseed(['pusj', '--json']);
    expect(unknown).toMatchObject({ exit: 2 });
    expect(unknown.stderr).toBe(
      "error: Unknown command 'pusj'. (USAGE)\nhint: Did you mean push?\n",
    );
    expect(unknown.json()).toEqual({ error: { code: 'USAGE', detail: "Unknown command 'pusj'." } });
    const calls = [
      [],
      ['torrent'],
      ['push', 'x'],
      ['push', 'x', '--app', 'a', '--version', '1', '--nope'],
    ];
    for (const args of calls) expect([args, (await runFleetseed(args)).exit]).toEqual([args, 2]);
  });

  it.each([
    { args: ['--version'], engine: 'no' },
    { args: ['pusj'], engine: 'no' },
    { args: ['savings', '--origin', 'http://127.0.0.1:9'], engine: 'no' },
    {
      args: ['pull', 'app@1', '--out', '/nowhere', '--origin', 'http://127.0.0.1:9'],
      engine: 'the',
    },
  ])('loads $engine engine for: $args', async ({ args, engine }) => {
    const env = { NODE_DEBUG_NATIVE: 'COMPILE_CACHE' };
    const { stderr } = await runFleetseed(args, { env });
    const loaded = new Set(
      [...stderr.matchAll(/for ESM file:\/\/(\S+?\.js)/g)].map(([, path]) => path!),
    );
    expect(loaded.size).toBeGreaterThan(2);
    const withEngine = [...loaded].filter((path) =>
      /^(?:class Session|var Session = class)\b/m.test(readFileSync(path, 'utf8')),
    );
    expect(withEngine).toHaveLength(engine === 'the' ? 1 : 0);
  });

  it('asks for an origin where one is needed', async () => {
    const { exit, stderr } = await runFleetseed(['savings']);
    expect(exit).toBe(2);
    expect(stderr).toContain('hint: give --origin URL or set FLEETSEED_ORIGIN');
  });

  it('says that an origin is down', async () => {
    const args = ['savings', '--origin', 'http://127.0.0.1:9', '--json'];
    const outcome = await runFleetseed(args);
    expect(outcome.exit).toBe(1);
    expect(outcome.json()).toMatchObject({ error: { code: 'ORIGIN_UNREACHABLE' } });
  });
});

describe('torrent create and inspect, without an origin', () => {
  it('make the same bytes of the same content, and read them back', async () => {
    const tree = await sandbox.tree({
      'bin/run': { content: '#!/bin/sh\n', mode: 0o755 },
      'lib/data': Buffer.alloc(300_000, 7),
      empty: '',
    });
    symlinkSync('../lib/data', `${tree}/bin/data`);
    const hashes: unknown[] = [];
    for (const format of ['v1', 'v2', 'hybrid']) {
      const [one, two] = [sandbox.path(`1.${format}`), sandbox.path(`2.${format}`)];
      const create = [
        'torrent',
        'create',
        tree,
        '--format',
        format,
        '--tracker',
        'http://t.example/a',
      ];
      const made = await runFleetseed([...create, '--out', one, '--json']);
      await runFleetseed([...create, '--out', two]);
      expect(readFileSync(one).equals(readFileSync(two))).toBe(true);
      const read = (await runFleetseed(['torrent', 'inspect', one, '--json'])).json();
      const { infoHashV1, infoHashV2, pieces, pieceLength, bytes } = made.json();
      expect(read).toMatchObject({ format, infoHashV1, infoHashV2, pieces, pieceLength, bytes });
      expect(read).toMatchObject({ private: true, announce: [['http://t.example/a']] });
      expect(read['files']).toMatchObject([
        { path: 'bin/data', symlink: 'lib/data' },
        { path: 'bin/run', executable: true, length: 10 },
        { path: 'empty', length: 0 },
        { path: 'lib/data', length: 300_000 },
      ]);
      hashes.push(infoHashV1, infoHashV2);
    }
    expect(new Set(hashes).size).toBe(5);
  });

  it('refuse garbage with a stable code and exit code 1', async () => {
    const tree = await sandbox.tree({ bad: 'd4:infoi1ee', empty: '' });
    const garbage = await runFleetseed(['torrent', 'inspect', `${tree}/bad`, '--json']);
    expect(garbage.exit).toBe(1);
    expect(garbage.json()).toMatchObject({ error: { code: 'METAINFO_INVALID' } });
    expect((await runFleetseed(['torrent', 'inspect', `${tree}/empty`])).exit).toBe(1);
    expect((await runFleetseed(['torrent', 'inspect', `${tree}/nothing`])).exit).toBe(4);
  });

  it('name what cannot be restored', async () => {
    const tree = await sandbox.tree({ a: 'x' });
    mkdirSync(`${tree}/sub`);
    symlinkSync('/etc/passwd', `${tree}/sub/link`);
    const outcome = await runFleetseed(['torrent', 'create', tree, '--out', sandbox.path('x')]);
    expect(outcome.exit).toBe(1);
    expect(outcome.stderr).toContain('"sub/link" is an absolute link');
  });
});

describe('torrent fetch, without an origin', () => {
  const hash = 'a'.repeat(40);

  it('says what is wrong with the link, and that there is nobody to ask', async () => {
    const out = ['--out', sandbox.path('fetched')];
    const invalid = await runFleetseed(['torrent', 'fetch', 'magnet:?dn=x', ...out, '--json']);
    expect(invalid).toMatchObject({ exit: 1 });
    expect(invalid.json()).toMatchObject({ error: { code: 'MAGNET_INVALID' } });
    const link = `magnet:?xt=urn:btih:${hash}`;
    const alone = await runFleetseed(['torrent', 'fetch', link, ...out]);
    expect(alone.exit).toBe(2);
    expect(alone.stderr).toContain('Nobody to ask');
  });

  it('gives up when peers and trackers are not there', async () => {
    const link = `magnet:?xt=urn:btih:${hash}&x.pe=127.0.0.1:9&tr=udp%3A%2F%2F127.0.0.1%3A9`;
    const words = ['--out', sandbox.path('fetched'), '--peer', '[::1]:9', '--timeout', '3s'];
    const { exit, stderr } = await runFleetseed(['torrent', 'fetch', link, ...words]);
    expect(exit).toBe(6);
    expect(stderr).toContain('No peer gave the metadata within 3 s.');
  });
});
