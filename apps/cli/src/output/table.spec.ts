import { describe, expect, it } from 'vitest';

import { facts, table } from './table.js';

describe('tables', () => {
  it('puts columns under their titles, without blanks at the end of lines', () => {
    const rows = [
      ['web', '1.0'],
      ['datenbank', ''],
    ];
    expect(table(['app', 'version'], rows)).toBe('app        version\nweb        1.0\ndatenbank');
  });

  it('shows control characters that came from outside and does not obey them', () => {
    expect(table(['name'], [['a\u001b[2Jb\nc']])).toBe('name\na\\x1b[2Jb\\x0ac');
    expect(facts({ name: 'x\u202ey' })).toBe('name  x\\u202ey');
  });
});
