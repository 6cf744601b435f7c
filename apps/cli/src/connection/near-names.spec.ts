import { describe, expect, it } from 'vitest';

import { nearNames } from './near-names.js';
import { suggestion } from './origin-api.js';

describe('near names', () => {
  it('finds slips of the fingers: one letter wrong, lacking, too many, or swapped', () => {
    for (const slip of ['frontemd', 'frontnd', 'fronttend', 'forntend']) {
      expect(nearNames(slip, ['backend', 'frontend', 'api'])).toEqual(['frontend']);
    }
  });

  it('finds names that were not typed to their end', () => {
    expect(nearNames('front', ['backend', 'frontend'])).toEqual(['frontend']);
  });

  it('does not offer what is another word', () => {
    expect(nearNames('web', ['api', 'database'])).toEqual([]);
  });

  it('puts the nearest first and gives three at most', () => {
    const known = ['1.2.0', '1.2.1', '1.2.33', '1.9.3', '7.2.3'];
    expect(nearNames('1.2.3', known)).toHaveLength(3);
    expect(nearNames('stabel', ['stale', 'stable'])[0]).toBe('stable');
  });
});

describe('a suggestion', () => {
  it('asks about near names, else lists what there is', () => {
    expect(suggestion('wbe', ['web', 'api'], 'apps')).toBe('did you mean "web"?');
    expect(suggestion('x', ['web', 'api'], 'apps')).toBe('there are: web, api');
    expect(suggestion('x', [], 'apps')).toBe('there are no apps that this token may see');
  });
});
