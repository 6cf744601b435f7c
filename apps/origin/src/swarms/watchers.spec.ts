import { describe, expect, it } from 'vitest';

import { Watchers } from './watchers.js';

describe('Watchers', () => {
  it('tells of the first and the last only', () => {
    const told: string[] = [];
    const watchers = new Watchers((artifact, watched) => told.push(`${artifact} ${watched}`));
    const first = watchers.add('a');
    const second = watchers.add('a');
    watchers.add('b');
    first();
    first();
    expect(watchers.isWatched('a')).toBe(true);
    second();
    expect(watchers.watched()).toEqual(['b']);
    expect(told).toEqual(['a true', 'b true', 'a false']);
  });
});
