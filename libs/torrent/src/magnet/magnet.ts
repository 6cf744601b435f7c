import { FleetseedError } from '#lib/contracts';

/** A magnet link of a torrent; at least one info-hash is there. */
export interface Magnet {
  /** 20 bytes (`urn:btih:`). */
  readonly infoHashV1: Buffer | null;
  /** 32 bytes (`urn:btmh:`, multihash of SHA-256). */
  readonly infoHashV2: Buffer | null;
  /** `dn`; only a suggestion. */
  readonly name: string | null;
  /** `tr`. */
  readonly trackers: readonly string[];
  /** `ws` (BEP 19). */
  readonly webSeeds: readonly string[];
  /** `x.pe` (BEP 9): HOST:PORT or [IPv6]:PORT; what has another form is left out. */
  readonly peers: readonly MagnetPeer[];
}

export interface MagnetPeer {
  readonly host: string;
  readonly port: number;
}

/** Multihash prefix: SHA-256 (0x12), 32 bytes (0x20). */
const SHA256_MULTIHASH = '1220';
const MAX_LENGTH = 65_536;
const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';

/**
 * Parses `magnet:?xt=urn:btih:…&xt=urn:btmh:1220…` (BEP 9, BEP 52). The v1 hash may be hex or base32.
 *
 * @throws FleetseedError MAGNET_INVALID
 */
export function parseMagnet(text: string): Magnet {
  if (text.length > MAX_LENGTH) throw invalid('it is too long');
  if (!/^magnet:\?/i.test(text)) throw invalid('it does not start with "magnet:?"');
  const topics: string[] = [];
  const trackers: string[] = [];
  const webSeeds: string[] = [];
  const peers: MagnetPeer[] = [];
  let name: string | null = null;
  for (const field of text.slice('magnet:?'.length).split('&')) {
    const equals = field.indexOf('=');
    if (equals < 0) continue;
    // Several topics may be numbered: xt.1, xt.2.
    const key = field
      .slice(0, equals)
      .toLowerCase()
      .replace(/\.\d+$/, '');
    const value = decode(field.slice(equals + 1));
    if (key === 'xt') topics.push(value);
    else if (key === 'tr') trackers.push(value);
    else if (key === 'ws') webSeeds.push(value);
    else if (key === 'x.pe') peers.push(...peersIn(value));
    else if (key === 'dn') name ??= value;
  }
  const infoHashV1 = oneOf(topics, 'urn:btih:', parseV1);
  const infoHashV2 = oneOf(topics, 'urn:btmh:', parseV2);
  if (infoHashV1 === null && infoHashV2 === null) throw invalid('it names no info-hash');
  return { infoHashV1, infoHashV2, name, trackers, webSeeds, peers };
}

/** The magnet link; hashes in hex, the v1 hash first. */
export function formatMagnet(magnet: Partial<Magnet>): string {
  const fields: string[] = [];
  if (magnet.infoHashV1) fields.push(`xt=urn:btih:${magnet.infoHashV1.toString('hex')}`);
  if (magnet.infoHashV2) {
    fields.push(`xt=urn:btmh:${SHA256_MULTIHASH}${magnet.infoHashV2.toString('hex')}`);
  }
  if (fields.length === 0) throw invalid('it names no info-hash');
  if (magnet.name) fields.push(`dn=${encodeURIComponent(magnet.name)}`);
  for (const tracker of magnet.trackers ?? []) fields.push(`tr=${encodeURIComponent(tracker)}`);
  for (const seed of magnet.webSeeds ?? []) fields.push(`ws=${encodeURIComponent(seed)}`);
  for (const { host, port } of magnet.peers ?? []) {
    fields.push(`x.pe=${encodeURIComponent(host.includes(':') ? `[${host}]` : host)}:${port}`);
  }
  return `magnet:?${fields.join('&')}`;
}

function peersIn(text: string): MagnetPeer[] {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3] ?? 0);
  return match && port > 0 && port <= 65_535 ? [{ host: match[1] ?? match[2]!, port }] : [];
}

function decode(value: string): string {
  try {
    return decodeURIComponent(value.replaceAll('+', ' '));
  } catch (cause) {
    throw invalid('a value is not percent-encoded UTF-8', cause);
  }
}

/** The hash of the topics with this prefix; two that differ are refused. */
function oneOf(
  topics: readonly string[],
  prefix: string,
  parse: (text: string) => Buffer,
): Buffer | null {
  let found: Buffer | null = null;
  for (const topic of topics) {
    if (!topic.toLowerCase().startsWith(prefix)) continue;
    const hash = parse(topic.slice(prefix.length));
    if (found !== null && !found.equals(hash)) throw invalid(`it names two different ${prefix}`);
    found = hash;
  }
  return found;
}

function parseV1(text: string): Buffer {
  if (/^[0-9a-f]{40}$/i.test(text)) return Buffer.from(text, 'hex');
  if (/^[a-z2-7]{32}$/i.test(text)) return fromBase32(text);
  throw invalid('urn:btih: needs 40 hex or 32 base32 characters');
}

function parseV2(text: string): Buffer {
  if (!text.startsWith(SHA256_MULTIHASH) || !/^[0-9a-f]{68}$/i.test(text)) {
    throw invalid(`urn:btmh: needs ${SHA256_MULTIHASH} and 64 hex characters`);
  }
  return Buffer.from(text.slice(SHA256_MULTIHASH.length), 'hex');
}

function fromBase32(text: string): Buffer {
  let bits = 0n;
  for (const character of text.toLowerCase()) {
    bits = (bits << 5n) | BigInt(BASE32.indexOf(character));
  }
  return Buffer.from(bits.toString(16).padStart(40, '0'), 'hex');
}

function invalid(what: string, cause?: unknown): FleetseedError {
  return new FleetseedError('MAGNET_INVALID', `Not a usable magnet link: ${what}.`, {}, { cause });
}
