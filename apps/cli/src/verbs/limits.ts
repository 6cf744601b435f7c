import {
  FleetseedError,
  parseRate,
  type LimitsChange,
  type LimitsState,
  type OriginLimits,
  type OriginLimitsChange,
} from '#lib/contracts';

import { rateText } from '../output/quantities.js';
import { facts, table } from '../output/table.js';

/** Rates as they were typed. */
export interface RateOptions {
  readonly up?: string;
  readonly down?: string;
}

/**
 * The change that the options ask for; null when they ask for none.
 * @throws FleetseedError USAGE naming the option
 */
export function changeOf(
  { up, down }: RateOptions,
  artifact: string | undefined,
): LimitsChange | null {
  if (up === undefined && down === undefined) return null;
  return {
    ...(artifact === undefined ? {} : { artifact }),
    ...(up === undefined ? {} : { upload: rateOf(up, '--up') }),
    ...(down === undefined ? {} : { download: rateOf(down, '--down') }),
  };
}

/** As `changeOf`, of what the origin sends: `default` gives up what was set. */
export function originChangeOf(
  up: string | undefined,
  artifact: string | undefined,
): OriginLimitsChange | null {
  if (up?.trim().toLowerCase() !== 'default') {
    return changeOf(up === undefined ? {} : { up }, artifact);
  }
  return { ...(artifact === undefined ? {} : { artifact }), upload: 'default' };
}

/** Says whose the limits are: each replica holds to them by itself. */
export function originLimitsText(limits: OriginLimits): string {
  const { set, seeders } = limits;
  if (!set || seeders === undefined) {
    return `${limitsText(limits)}\n\nOf the replica that answered alone, until it ends: it is of an earlier version.`;
  }
  const whose = set.upload === undefined ? 'As this replica was started' : 'Set for all replicas';
  const many =
    seeders === 1 ? 'one seeds now' : `${seeders} seed now, and each holds to it by itself`;
  return `${limitsText(limits)}\n\n${whose}; ${many}.`;
}

export function limitsText({ upload, download, artifacts }: LimitsState): string {
  const all = facts({ up: limitText(upload), down: limitText(download) });
  if (artifacts.length === 0) return all;
  const rows = artifacts.map((each) => [
    each.artifact,
    limitText(each.upload),
    limitText(each.download),
  ]);
  return `${all}\n\n${table(['artifact', 'up', 'down'], rows)}`;
}

function rateOf(text: string, option: string): number | null {
  const rate = parseRate(text);
  if (rate !== undefined) return rate;
  const wanted = '10MB/s, 512KiB/s, 80Mbit/s, a number of bytes, or off';
  throw new FleetseedError('USAGE', `${option} "${text}" is not a rate (${wanted}).`);
}

function limitText(limit: number | null): string {
  return limit === null ? 'no limit' : rateText(limit);
}
