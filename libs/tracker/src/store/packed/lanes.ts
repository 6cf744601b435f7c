import type { Profile } from './profile-table.js';

/** Lanes beside those of the zones, whose numbers are theirs; 0 is for peers without one. */
export const ORIGIN_LANE = 0xffff_fffe;
/** Peers that do not listen: they are counted and never drawn. */
export const DEAF_LANE = 0xffff_ffff;
/** Groups of one swarm: peers of further zones are kept with those that have none. */
export const MAX_GROUPS = 64;

export function laneOf({ kind, zoneId }: Profile, port: number): number {
  if (port === 0) return DEAF_LANE;
  return kind === 'origin' ? ORIGIN_LANE : zoneId;
}
