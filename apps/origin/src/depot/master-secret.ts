import { createHmac } from 'node:crypto';

import { z } from 'zod';

import { FleetseedError } from '#lib/contracts';
import type { Depot } from '#lib/depot';
import { randomSecret } from '#lib/runtime';

const KEY = 'secrets/master.json';
const MasterDocument = z.looseObject({ v: z.literal(1), secret: z.string().min(32) });

/**
 * The one secret that all replicas of a depot share. Everything that is signed or derived comes from
 * it under a label of its own, so that no two uses can be mistaken for each other.
 */
export class MasterSecret {
  readonly #secret: Buffer;

  private constructor(secret: string) {
    this.#secret = Buffer.from(secret, 'base64url');
  }

  /** Reads the secret, or makes it in a new depot: of any number of racers one decides it. */
  static async open(depot: Depot): Promise<MasterSecret> {
    const found = await depot.readDocument(KEY);
    if (found) return new MasterSecret(parse(found.bytes));
    const fresh = Buffer.from(JSON.stringify({ v: 1, secret: randomSecret(32) }));
    await depot.createDocument(KEY, fresh);
    const decided = await depot.readDocument(KEY);
    return new MasterSecret(parse(decided?.bytes ?? fresh));
  }

  /** HMAC-SHA256(secret, label ‖ parts), 32 bytes. `label` is constant and of a fixed length per use. */
  derive(label: string, ...parts: readonly (string | Uint8Array)[]): Buffer {
    const mac = createHmac('sha256', this.#secret).update(label);
    for (const part of parts) mac.update(part);
    return mac.digest();
  }
}

function parse(bytes: Buffer): string {
  try {
    return MasterDocument.parse(JSON.parse(bytes.toString('utf8'))).secret;
  } catch (cause) {
    throw new FleetseedError('DEPOT_CORRUPT', `${KEY} is not what it should be.`, {}, { cause });
  }
}
