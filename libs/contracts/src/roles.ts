import { z } from 'zod';

/**
 * What a replica of the origin does for the fleet:
 *
 * - `api`: REST, the dashboard, and the sessions and event streams of agents
 * - `tracker`: announces over HTTP and UDP
 * - `seed`: the peer port and the HTTP web seed
 * - `work`: jobs and whatever runs on a schedule
 */
export const ORIGIN_ROLES = ['api', 'tracker', 'seed', 'work'] as const;

export const OriginRole = z.enum(ORIGIN_ROLES);
export type OriginRole = z.infer<typeof OriginRole>;

/** Roles as they are written in a configuration, `api,work`, in the order of {@link ORIGIN_ROLES}. */
export const RolesSetting = z.string().transform((text, context): readonly OriginRole[] => {
  const given = new Set(text.split(',').map((name) => name.trim()));
  const known = ORIGIN_ROLES.filter((role) => given.delete(role));
  if (given.size === 0) return known;
  const message = `must be some of ${ORIGIN_ROLES.join(', ')}, with commas between them`;
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
});
