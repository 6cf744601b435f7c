import { describe, expect, it } from 'vitest';

import type { OriginRole } from '#lib/contracts';

import { roleDoor } from './role-door.js';

function codeFor(roles: readonly OriginRole[], path: string): unknown {
  let told: unknown = 'nothing';
  roleDoor(roles)({ path }, {} as never, (error?: unknown) => (told = error));
  return (told as { code?: string } | undefined)?.code;
}

describe('a replica that does a part', () => {
  it.each(['/healthz', '/readyz', '/metrics'])('tells of itself whatever it does: %s', (path) => {
    expect(codeFor(['work'], path)).toBeUndefined();
  });

  it.each([
    ['/', 'api'],
    ['/api/v1/apps', 'api'],
    ['/healthzz', 'api'],
    ['/assets/page.js', 'api'],
    ['/webseed/key/artifact/', 'seed'],
  ] as const)('lets %s in with the role %s only', (path, role) => {
    expect(codeFor([role], path)).toBeUndefined();
    const others = (['api', 'tracker', 'seed', 'work'] as const).filter((each) => each !== role);
    expect(codeFor(others, path)).toBe('ROLE_NOT_HERE');
  });

  it('leaves refusals of the tracker to the tracker', () => {
    expect(codeFor(['work'], '/announce')).toBeUndefined();
    expect(codeFor(['work'], '/announce/key/announce')).toBeUndefined();
    expect(codeFor(['work'], '/scrape')).toBeUndefined();
  });
});
