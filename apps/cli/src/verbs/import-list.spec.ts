import { describe, expect, it } from 'vitest';

import type { Import } from '#lib/contracts';

import { rowOf } from './import-list.js';

const BEGUN: Import = {
  import: 'ab'.repeat(16),
  job: 'import-1',
  app: 'web',
  version: '1',
  name: 'build.tgz',
  from: 'https://ci.example/build.tgz',
  channel: null,
  sha256: null,
  state: 'open',
  step: null,
  receivedBytes: 0,
  bytes: null,
  createdAt: 0,
  createdBy: 'ci',
  finishedAt: null,
  release: null,
  created: null,
  error: null,
};

describe('a row of the list of imports', () => {
  it('says how far it is, as far as the source has said how long it is', () => {
    expect(rowOf(BEGUN).slice(0, 4)).toEqual(['web@1', BEGUN.from, 'waiting', '0 B']);
    const fetching: Import = { ...BEGUN, step: 'fetching', receivedBytes: 512 };
    expect(rowOf(fetching).slice(2, 4)).toEqual(['fetching', '512 B']);
    const half = rowOf({ ...fetching, bytes: 1024 });
    expect(half.slice(2, 4)).toEqual(['fetching', '50 % of 1.00 KiB']);
  });

  it('says why it waits or has failed', () => {
    const error = { code: 'SOURCE_NOT_FOUND', detail: 'There is no such object.' };
    const row = rowOf({ ...BEGUN, state: 'failed', error });
    expect(row[2]).toBe('failed');
    expect(row.at(-1)).toBe('There is no such object. (SOURCE_NOT_FOUND)');
  });
});
