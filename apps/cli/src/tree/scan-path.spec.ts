import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { FleetseedError } from '#lib/contracts';

import { scanPath } from './scan-path.js';
import type { ScannedTree } from './tree.types.js';

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'fleetseed-scan-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const isRoot = process.getuid?.() === 0;
const { signal } = new AbortController();

function put(path: string, content = 'x', mode = 0o644): void {
  const absolute = join(root, path);
  mkdirSync(dirname(absolute), { recursive: true });
  writeFileSync(absolute, content);
  chmodSync(absolute, mode);
}

function link(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  symlinkSync(text, join(root, path));
}

function scan(path = root, manifest = true): ScannedTree {
  return scanPath(path, { manifest, signal });
}

function refusal(path = root): string {
  try {
    scan(path);
  } catch (error) {
    if (error instanceof FleetseedError) return `${error.code}: ${error.message}`;
    throw error;
  }
  throw new Error('The scan accepted it.');
}

function manifestOf(tree: ScannedTree): unknown {
  const entry = tree.entries.find(({ path }) => path.join('/') === '.fleetseed/tree.json');
  if (!entry) return null;
  if (!('bytes' in entry.content)) throw new Error('The manifest is a file.');
  return JSON.parse(entry.content.bytes.toString());
}

describe('scanning a folder', () => {
  it('lists files bytewise, component by component, with sizes and executable bits', () => {
    put('b', 'bb');
    put('B');
    put('a-b/x');
    put('a/run', '#!', 0o755);
    put('ä');
    put('empty', '');
    const { entries, single, bytes } = scan();
    expect(single).toBe(false);
    expect(bytes).toBe(7);
    expect(
      entries.map(({ path, length, executable }) => [path.join('/'), length, executable]),
    ).toEqual([
      ['B', 1, false],
      ['a/run', 2, true],
      ['a-b/x', 1, false],
      ['b', 2, false],
      ['empty', 0, false],
      ['ä', 1, false],
    ]);
    expect(manifestOf(scan())).toBeNull();
  });

  it('lists links that stay inside, also those that lead nowhere', () => {
    put('lib/run');
    link('bin/run', '../lib/run');
    link('later', 'not/there');
    const { entries } = scan();
    expect(entries.map(({ path, symlink }) => [path.join('/'), symlink?.join('/')])).toEqual([
      ['bin/run', 'lib/run'],
      ['later', 'not/there'],
      ['lib/run', undefined],
    ]);
    expect(manifestOf(scan())).toBeNull();
  });

  it('says in the manifest what the formats cannot: empty folders and exact link texts', () => {
    put('a');
    mkdirSync(join(root, 'logs/old'), { recursive: true });
    link('dot', './a');
    link('sub/top', '..');
    const tree = scan();
    expect(manifestOf(tree)).toEqual({
      v: 1,
      emptyFolders: ['logs/old'],
      links: { dot: './a', 'sub/top': '..' },
    });
    // BEP 47 has no way to name the root: that link is in the manifest only.
    const paths = tree.entries.map(({ path }) => path.join('/'));
    expect(paths).toEqual(['.fleetseed/tree.json', 'a', 'dot']);
    expect(tree.bytes).toBe(1 + tree.entries[0]!.length);
  });

  it('adds nothing when no manifest is wanted, and tells what is not said', () => {
    put('a');
    mkdirSync(join(root, 'logs'));
    const tree = scan(root, false);
    expect(tree.entries.map(({ path }) => path.join('/'))).toEqual(['a']);
    expect(tree.unsaid).toEqual(['logs']);
  });

  it('takes a folder through a link, named as it was given', () => {
    put('builds/42/a');
    link('current', 'builds/42');
    expect(scan(join(root, 'current'))).toMatchObject({ single: false, baseName: 'current' });
  });
});

describe('scanning one file', () => {
  it('takes its name from the path', () => {
    put('dir/tool', 'abc', 0o755);
    expect(scan(`${root}/dir/../dir/tool`)).toMatchObject({
      single: true,
      baseName: 'tool',
      bytes: 3,
      entries: [{ path: ['tool'], length: 3, executable: true, symlink: null }],
    });
  });

  it('refuses what is not a file', () => {
    execFileSync('mkfifo', [join(root, 'pipe')]);
    expect(refusal(join(root, 'pipe'))).toContain('is a FIFO');
    expect(refusal('/dev/null')).toContain('"/dev/null" is a device');
  });

  it('says when nothing is there', () => {
    expect(refusal(join(root, 'no'))).toBe(`NOT_FOUND: There is nothing at ${join(root, 'no')}.`);
  });
});

describe('what cannot be restored is refused by its path', () => {
  beforeEach(() => put('sub/good'));

  it('FIFOs', () => {
    execFileSync('mkfifo', [join(root, 'sub/pipe')]);
    expect(refusal()).toMatch(/^TREE_UNRESTORABLE: .*"sub\/pipe" is a FIFO/);
  });

  it('sockets', async () => {
    const server = createServer().listen(join(root, 'sub/socket'));
    await once(server, 'listening');
    try {
      expect(refusal()).toContain('"sub/socket" is a socket');
    } finally {
      server.close();
    }
  });

  it.skipIf(!isRoot)('devices', () => {
    execFileSync('mknod', [join(root, 'sub/null'), 'c', '1', '3']);
    expect(refusal()).toContain('"sub/null" is a device');
  });

  it('setuid, setgid and sticky bits, on files and folders', () => {
    put('suid', 'x', 0o4755);
    put('sgid', 'x', 0o2755);
    mkdirSync(join(root, 'tmp'));
    chmodSync(join(root, 'tmp'), 0o1777);
    expect(refusal()).toContain('"suid" has the setuid bit set');
    expect(refusal()).toContain('"sgid" has the setgid bit set');
    expect(refusal()).toContain('"tmp" has the sticky bit set');
  });

  it('absolute links', () => {
    link('sub/passwd', '/etc/passwd');
    expect(refusal()).toContain('"sub/passwd" is an absolute link (to /etc/passwd)');
  });

  it('links that leave the folder, also by way of other links', () => {
    link('sub/up', '../../x');
    link('sub/top', '..');
    link('sly', 'sub/top/../x');
    expect(refusal()).toContain('"sub/up" is a link that leads outside (to ../../x)');
    rmSync(join(root, 'sub/up'));
    expect(refusal()).toContain('"sly" is a link that leads outside through other links');
  });

  it('names and link texts that are not UTF-8', () => {
    const name = Buffer.concat([Buffer.from(`${root}/sub/n`), Buffer.from([0xff])]);
    writeFileSync(name, '');
    symlinkSync(Buffer.from([0xfe]), join(root, 'odd'));
    expect(refusal()).toContain(String.raw`"sub/n\\xff" has a name that is not UTF-8`);
    expect(refusal()).toContain('"odd" is a link whose text is not UTF-8');
  });

  it('names that mean another place elsewhere', () => {
    put('..\\up');
    expect(refusal()).toContain('a backslash leads outside');
  });

  it.skipIf(isRoot)('what this user may not read', () => {
    put('secret', 'x', 0o000);
    expect(refusal()).toContain('"secret" cannot be read by this user');
  });

  it("a folder of one's own where Fleetseed keeps its notes", () => {
    put('.fleetseed/tree.json', '{}');
    put('sub/.fleetseed/fine', '');
    expect(refusal()).toBe(
      'TREE_UNRESTORABLE: What is here cannot be restored on a target: ".fleetseed" has a name that is kept for Fleetseed.',
    );
  });

  it('folders without anything', () => {
    expect(refusal(mkdtempSync(join(root, 'empty')))).toMatch(/^TREE_UNRESTORABLE: .* is empty\.$/);
  });

  it('all of it in one go, the first ten by name', () => {
    for (let count = 0; count < 13; count++) link(`l${String(count).padStart(2, '0')}`, '/x');
    const message = refusal();
    expect(message.match(/is an absolute link/g)).toHaveLength(10);
    expect(message).toContain('; and 3 more.');
  });
});
