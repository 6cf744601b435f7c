import { randomUUID } from 'node:crypto';

import { z } from 'zod';

import { FleetseedError } from '#lib/contracts';

import type { Depot } from './depot.js';

/** The layout of keys and formats that this build writes, and the newest it can read. */
export const DEPOT_FORMAT = 1;
export const IDENTITY_KEY = 'depot.json';

/** `depot.json`: which depot this is and what all replicas that share it must agree on. */
export const DepotIdentity = z.looseObject({
  v: z.number().int().positive(),
  id: z.string().min(1),
  /** ISO 8601. */
  created: z.string(),
  settings: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
});
export type DepotIdentity = z.infer<typeof DepotIdentity>;

export type DepotSettings = Readonly<DepotIdentity['settings']>;

/**
 * Reads `depot.json`, or makes it with `settings` if this depot is new. Settings that are there
 * already win: they were fixed when the depot was made.
 * @throws DEPOT_FORMAT_NEWER, DEPOT_CORRUPT
 */
export async function ensureIdentity(
  depot: Pick<Depot, 'readDocument' | 'createDocument'>,
  settings: DepotSettings,
  now: Date,
): Promise<DepotIdentity> {
  const found = await depot.readDocument(IDENTITY_KEY);
  if (found) return parseIdentity(found.bytes);
  const fresh = { v: DEPOT_FORMAT, id: randomUUID(), created: now.toISOString(), settings };
  const won = await depot.createDocument(IDENTITY_KEY, Buffer.from(JSON.stringify(fresh)));
  if (won) return fresh;
  const winner = await depot.readDocument(IDENTITY_KEY);
  if (!winner) throw new FleetseedError('DEPOT_CORRUPT', 'depot.json was removed while opening.');
  return parseIdentity(winner.bytes);
}

function parseIdentity(bytes: Buffer): DepotIdentity {
  const parsed = DepotIdentity.safeParse(jsonOf(bytes));
  if (!parsed.success) {
    throw new FleetseedError('DEPOT_CORRUPT', 'depot.json is not what it should be.', {
      reason: z.prettifyError(parsed.error),
    });
  }
  if (parsed.data.v > DEPOT_FORMAT) {
    throw new FleetseedError(
      'DEPOT_FORMAT_NEWER',
      `This depot has format ${parsed.data.v}; this build knows ${DEPOT_FORMAT}.`,
      { found: parsed.data.v, known: DEPOT_FORMAT },
    );
  }
  return parsed.data;
}

function jsonOf(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}
