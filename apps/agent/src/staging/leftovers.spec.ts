import { describe, expect, it } from 'vitest';

import { leftovers, removedName } from './leftovers.js';

describe('leftovers', () => {
  it('are what nobody works on any more', () => {
    const gone = ['2-b.partial', '2-b.partial.meta', removedName('0-z'), '3-c.meta', '3-c.repair'];
    expect(leftovers([...gone, '1-a', '4-d.partial'], '4-d')).toEqual(gone);
  });

  it('never are releases, what belongs to them, or what is about to be staged', () => {
    const kept = ['1-a', '1-a.meta', '1-a.repair', '1-a.repair.meta', '1.meta-b', 'notes.txt'];
    expect(leftovers([...kept, '4-d', '4-d.partial', '4-d.partial.meta'], '4-d')).toEqual([]);
  });
});
