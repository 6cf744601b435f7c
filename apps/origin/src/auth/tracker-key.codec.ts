import { timingSafeEqual } from 'node:crypto';

/**
 * Whose a tracker key is: `a` a target's, `u` an API token's, `k` one with a document of its own
 * that can be revoked alone. `id` is the target, the token, or that document.
 */
export interface TrackerKeyFacts {
  readonly kind: 'a' | 'u' | 'k';
  readonly id: string;
  /** The one artifact it opens, v2 info-hash in hex; null for every artifact. */
  readonly artifact: string | null;
  /** Milliseconds since the epoch; kept to the second. */
  readonly expiresAt: number;
}

export type Sign = (text: string) => Buffer;

const FORM =
  /^([auk])\.([A-Za-z0-9_-]{1,64})\.([A-Za-z0-9_-]{43}|-)\.([0-9a-z]{1,11})\.([A-Za-z0-9_-]{22})$/;
/** 128 bits: a forger has to try them against the tracker, one announce each. */
const MAC_BYTES = 16;

/** `<kind>.<id>.<artifact>.<expiry>.<mac>`: safe in a path, and checked without a look-up. */
export function encodeTrackerKey(facts: TrackerKeyFacts, sign: Sign): string {
  const artifact = facts.artifact ? Buffer.from(facts.artifact, 'hex').toString('base64url') : '-';
  const seconds = Math.floor(facts.expiresAt / 1000).toString(36);
  const body = `${facts.kind}.${facts.id}.${artifact}.${seconds}`;
  return `${body}.${macOf(body, sign).toString('base64url')}`;
}

/** The facts of a key that we made, whatever its age; null for any other text. */
export function decodeTrackerKey(key: string, sign: Sign): TrackerKeyFacts | null {
  const match = FORM.exec(key);
  if (!match) return null;
  const [, kind, id, artifact, seconds, mac] = match as unknown as string[];
  const body = key.slice(0, key.lastIndexOf('.'));
  const given = Buffer.from(mac!, 'base64url');
  if (given.length !== MAC_BYTES || !timingSafeEqual(given, macOf(body, sign))) return null;
  return {
    kind: kind as TrackerKeyFacts['kind'],
    id: id!,
    artifact: artifact === '-' ? null : Buffer.from(artifact!, 'base64url').toString('hex'),
    expiresAt: Number.parseInt(seconds!, 36) * 1000,
  };
}

function macOf(body: string, sign: Sign): Buffer {
  return sign(body).subarray(0, MAC_BYTES);
}
