import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { hrefOf, parseRoute, type Route } from './route.js';

const id = fc.string({ minLength: 1 });
const route: fc.Arbitrary<Exclude<Route, { page: 'unknown' }>> = fc.oneof(
  fc
    .constantFrom('savings', 'agents', 'releases', 'swarms', 'jobs')
    .map((page) => ({ page }) as const),
  id.map((target) => ({ page: 'agent', target }) as const),
  id.map((app) => ({ page: 'app', app }) as const),
  id.map((job) => ({ page: 'job', job }) as const),
  id.map((artifact) => ({ page: 'swarm', artifact }) as const),
);

describe('routes', () => {
  it('come back out of the address they were put into', () => {
    fc.assert(
      fc.property(route, (each) => {
        expect(parseRoute(hrefOf(each))).toEqual(each);
      }),
    );
  });

  it('begin with savings and say which address is unknown', () => {
    expect(parseRoute('')).toEqual({ page: 'savings' });
    expect(parseRoute('#/')).toEqual({ page: 'savings' });
    expect(parseRoute('#/nope')).toEqual({ page: 'unknown', path: 'nope' });
    expect(parseRoute('#/swarms/a/b')).toEqual({ page: 'unknown', path: 'swarms/a/b' });
    expect(parseRoute('#/%')).toEqual({ page: 'unknown', path: '%' });
  });
});
