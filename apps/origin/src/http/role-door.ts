import type { NextFunction, Request, Response } from 'express';

import { FleetseedError, type OriginRole } from '#lib/contracts';

/** Which role a path belongs to; what tells of the process itself belongs to none. */
const ROLE_OF_PATH: readonly (readonly [RegExp, OriginRole | null])[] = [
  [/^\/(?:healthz|readyz|metrics)\/?$/, null],
  // The tracker refuses by itself, in words that its clients understand.
  [/^\/(?:announce|scrape)(?:\/|$)/, null],
  [/^\/webseed(?:\/|$)/, 'seed'],
];

/** Refuses what this replica was told not to do, so that nobody takes it for something that is not there. */
export function roleDoor(roles: readonly OriginRole[]) {
  return ({ path }: Pick<Request, 'path'>, _: Response, next: NextFunction): void => {
    const role = roleOf(path);
    next(role === null || roles.includes(role) ? undefined : roleNotHere(role, roles));
  };
}

function roleOf(path: string): OriginRole | null {
  const found = ROLE_OF_PATH.find(([pattern]) => pattern.test(path));
  return found ? found[1] : 'api';
}

export function roleNotHere(role: OriginRole, roles: readonly OriginRole[]): FleetseedError {
  const text = `This replica has not the role "${role}" (it has ${roles.join(', ')}): ask another one.`;
  return new FleetseedError('ROLE_NOT_HERE', text, { role, roles: roles.join() });
}
