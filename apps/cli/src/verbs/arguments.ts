import type { z } from 'zod';

import { FleetseedError } from '#lib/contracts';

/**
 * A value from the command line, checked by the schema that the origin checks it by.
 * @throws FleetseedError USAGE naming the option and what it must be
 */
export function checkArgument<T extends z.ZodType>(
  schema: T,
  value: unknown,
  name: string,
): z.output<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const reason = parsed.error.issues[0]?.message ?? 'not valid';
  throw new FleetseedError('USAGE', `${name} ${JSON.stringify(value)} cannot be used: ${reason}.`);
}

const FACTORS: Readonly<Record<string, number>> = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

/** Bytes as people type them: `65536`, `64k`, `64KiB`, `1M`. @throws FleetseedError USAGE */
export function parseBytes(text: string, name: string): number {
  const match = /^(\d{1,15})\s*([kmg]?)(?:i?b)?$/i.exec(text.trim());
  const bytes = match ? Number(match[1]) * FACTORS[match[2]!.toLowerCase()]! : Number.NaN;
  if (Number.isSafeInteger(bytes) && bytes > 0) return bytes;
  throw new FleetseedError('USAGE', `${name} "${text}" is not a number of bytes.`);
}

const SECONDS: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, h: 3600, d: 86_400 };

/** Seconds as people type them: `90`, `90s`, `15m`, `12h`, `30d`. @throws FleetseedError USAGE */
export function parseSeconds(text: string, name: string): number {
  const match = /^(\d{1,9})\s*([smhd]?)$/i.exec(text.trim());
  const seconds = match ? Number(match[1]) * SECONDS[match[2]!.toLowerCase()]! : 0;
  if (seconds > 0) return seconds;
  throw new FleetseedError('USAGE', `${name} "${text}" is not a time (90, 90s, 15m, 12h, 30d).`);
}

/** A whole number in a range. @throws FleetseedError USAGE */
export function parseCount(text: string, name: string, least: number, most: number): number {
  const count = /^\d{1,12}$/.test(text) ? Number(text) : Number.NaN;
  if (count >= least && count <= most) return count;
  throw new FleetseedError('USAGE', `${name} "${text}" is not a number from ${least} to ${most}.`);
}
