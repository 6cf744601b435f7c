import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, describe, expect, it } from 'vitest';

import { FleetseedError } from '#lib/contracts';

import { Connection } from './connection.js';
import { route } from './route.js';

const folder = mkdtempSync(join(tmpdir(), 'fleetseed-connection-'));
afterAll(() => rmSync(folder, { recursive: true }));

function usage(make: () => unknown): string {
  try {
    make();
  } catch (error) {
    if (error instanceof FleetseedError && error.code === 'USAGE') return error.message;
    throw error;
  }
  throw new Error('It was accepted.');
}

describe('a connection', () => {
  it('takes the origin from the option before the environment', () => {
    const env = { FLEETSEED_ORIGIN: 'http://env:1' };
    expect(new Connection({ origin: 'http://option:1' }, env).origin).toBe('http://option:1');
    expect(new Connection({}, env).origin).toBe('http://env:1');
    expect(usage(() => new Connection({}, {}))).toBe('No origin is named.');
  });

  it('refuses what is no URL of an origin', () => {
    const connection = new Connection({ origin: 'ftp://x' }, {});
    expect(usage(() => connection.open())).toContain('ftp://x');
  });

  it('names a token file that is missing or empty', () => {
    const missing = join(folder, 'missing');
    const empty = join(folder, 'empty');
    writeFileSync(empty, '\n');
    const open = (tokenFile: string) => new Connection({ origin: 'http://o', tokenFile }, {});
    expect(usage(() => open(missing))).toContain(missing);
    expect(usage(() => open(empty))).toContain('is empty');
  });

  it('refuses a token that could not stand in a header, without showing it', () => {
    const env = { FLEETSEED_ORIGIN: 'http://o', FLEETSEED_TOKEN: 'secret\r\nx: y' };
    expect(usage(() => new Connection({}, env))).not.toContain('secret');
  });
});

describe('a route', () => {
  it('keeps what is filled in inside its component', () => {
    expect(route`/apps/${'a/../b'}/releases/${'1.0+x'}`).toBe('/apps/a%2F..%2Fb/releases/1.0%2Bx');
  });
});
