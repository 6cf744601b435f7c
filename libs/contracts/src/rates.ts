import { z } from 'zod';

const FACTORS: Readonly<Record<string, number>> = {
  '': 1,
  k: 1000,
  m: 1000 ** 2,
  g: 1000 ** 3,
  ki: 1024,
  mi: 1024 ** 2,
  gi: 1024 ** 3,
};
const MOST = 1_000_000_000_000;
const WANTED = 'must be a rate such as 10MB/s, 512KiB/s, 80Mbit/s or 1000000 (bytes), or "off"';

/**
 * Bytes a second as people write them; null for "off" and 0. `k`, `M` and `G` are powers of 1000, `Ki`,
 * `Mi` and `Gi` of 1024; `bit` is an eighth of a byte; `/s` may be left out.
 * @returns undefined when the text is none of that
 */
export function parseRate(text: string): number | null | undefined {
  const trimmed = text.trim();
  if (/^(?:off|none|0)$/i.test(trimmed)) return null;
  const match = /^(\d{1,13}(?:\.\d{1,6})?)\s*([kmg]i?)?(b|bit)?(?:\/s|ps)?$/i.exec(trimmed);
  if (!match) return undefined;
  const [, number, factor = '', unit = ''] = match;
  const bits = unit.toLowerCase() === 'bit' ? 8 : 1;
  const rate = Math.floor((Number(number) * FACTORS[factor.toLowerCase()]!) / bits);
  return rate >= 1 && rate <= MOST ? rate : undefined;
}

/** A rate in a configuration: text or a number of bytes a second; null for no limit. */
export const RateSetting = z
  .union([z.string(), z.number()])
  .transform((given, context): number | null => {
    const rate = parseRate(String(given));
    if (rate !== undefined) return rate;
    context.addIssue({ code: 'custom', message: WANTED });
    return z.NEVER;
  });

/** A limit in the API: bytes a second; null for none. */
export const Rate = z.number().int().min(1).max(MOST).nullable();
