import { describe, expect, it } from 'vitest';

import { WatchedElsewhere } from './watched.elsewhere.js';

describe('WatchedElsewhere', () => {
  it('knows what is watched where, and what no longer is', () => {
    const watched = new WatchedElsewhere();
    watched.heard('r1', ['a', 'b'], 0);
    watched.heard('r2', ['b'], 0);
    expect([...watched.artifacts()].toSorted()).toEqual(['a', 'b']);
    expect(watched.replicasOf('b')).toEqual(['r1', 'r2']);
    watched.heard('r1', ['a'], 1);
    expect(watched.replicasOf('b')).toEqual(['r2']);
    watched.heard('r1', [], 2);
    watched.heard('r2', [], 2);
    expect(watched.isEmpty).toBe(true);
  });

  it('forgets what is not said again', () => {
    const watched = new WatchedElsewhere();
    watched.heard('r1', ['a'], 0);
    watched.heard('r2', ['a'], 5000);
    expect(watched.expire(6999)).toBe(false);
    expect(watched.expire(7000)).toBe(true);
    expect(watched.replicasOf('a')).toEqual(['r2']);
  });
});
