import { FleetseedError, parseRate, type LimitsChange, type LimitsState } from '#lib/contracts';

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
