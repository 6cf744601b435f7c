import { RawQuery, encodePercent } from './raw-query.js';
import { requestInvalid } from './tracker.errors.js';

/** `paused` is BEP 21: a peer that stays incomplete on purpose and wants no peers. */
export type AnnounceEvent = 'none' | 'started' | 'completed' | 'stopped' | 'paused';

/** What a client tells a tracker (BEP 3, 7, 21, 23). Byte counts are the client's own claims. */
export interface AnnounceQuery {
  /** 20 bytes: v1, or v2 truncated. */
  readonly infoHash: Buffer;
  readonly peerId: Buffer;
  readonly port: number;
  readonly uploaded: number;
  readonly downloaded: number;
  /** Bytes still lacking; null when the client does not know, as before it has the metadata. */
  readonly left: number | null;
  readonly event: AnnounceEvent;
  /** Peers wanted; null leaves it to the tracker. */
  readonly numWant: number | null;
  /** BEP 23; true unless the client says `compact=0`. */
  readonly compact: boolean;
  readonly noPeerId: boolean;
  /** An address that the client claims; believed only from who has a right to. */
  readonly ip?: string;
  /** Secret of the client by which it is known again after its address changed. */
  readonly key?: string;
  /** What the tracker last sent as `tracker id`. */
  readonly trackerId?: string;
  /** Our own `fs=1`: the answer may carry the private keys that members understand. */
  readonly fleet?: boolean;
  /** Our own `fs_addr=IP:PORT`: where this member can be dialled (`--advertise`). */
  readonly advertise?: string;
}

const EVENTS: ReadonlySet<string> = new Set(['started', 'completed', 'stopped', 'paused']);
const MAX_TEXT = 128;

/**
 * @param rawQuery what stands after `?`, undecoded.
 * @throws FleetseedError REQUEST_INVALID naming the parameter.
 */
export function parseAnnounceQuery(rawQuery: string): AnnounceQuery {
  const query = new RawQuery(rawQuery);
  const ip = shortText(query, 'ip');
  const key = shortText(query, 'key');
  const trackerId = shortText(query, 'trackerid');
  const advertise = shortText(query, 'fs_addr');
  return {
    infoHash: twentyBytes(query, 'info_hash'),
    peerId: twentyBytes(query, 'peer_id'),
    port: portOf(query),
    uploaded: query.integer('uploaded') ?? 0,
    downloaded: query.integer('downloaded') ?? 0,
    left: query.integer('left') ?? null,
    event: eventOf(query),
    numWant: query.integer('numwant') ?? null,
    compact: query.text('compact') !== '0',
    noPeerId: query.text('no_peer_id') === '1',
    ...(ip === undefined ? {} : { ip }),
    ...(key === undefined ? {} : { key }),
    ...(trackerId === undefined ? {} : { trackerId }),
    ...(query.text('fs') === '1' ? { fleet: true } : {}),
    ...(advertise === undefined ? {} : { advertise }),
  };
}

/** The URL to announce at; what `announceUrl` has as a query already is kept. */
export function buildAnnounceUrl(announceUrl: string, query: AnnounceQuery): string {
  const fields: [string, string | number | undefined][] = [
    ['info_hash', encodePercent(query.infoHash)],
    ['peer_id', encodePercent(query.peerId)],
    ['port', query.port],
    ['uploaded', query.uploaded],
    ['downloaded', query.downloaded],
    ['left', query.left ?? undefined],
    ['event', query.event === 'none' ? undefined : query.event],
    ['numwant', query.numWant ?? undefined],
    ['compact', query.compact ? 1 : 0],
    ['no_peer_id', query.noPeerId ? 1 : undefined],
    ['ip', percentText(query.ip)],
    ['key', percentText(query.key)],
    ['trackerid', percentText(query.trackerId)],
    ['fs', query.fleet ? 1 : undefined],
    ['fs_addr', percentText(query.advertise)],
  ];
  return withQuery(announceUrl, fields);
}

/** Info-hashes of a scrape (BEP 48). @throws FleetseedError REQUEST_INVALID */
export function parseScrapeQuery(rawQuery: string): Buffer[] {
  const hashes = new RawQuery(rawQuery).allBytes('info_hash');
  if (hashes.some((hash) => hash.length !== 20)) {
    throw requestInvalid('info_hash does not have 20 bytes.', { name: 'info_hash' });
  }
  return hashes;
}

/**
 * The scrape URL that belongs to an announce URL: `announce` at the start of the last path segment
 * becomes `scrape`. Null when the tracker's URL does not have it, which means it cannot be scraped.
 */
export function buildScrapeUrl(announceUrl: string, infoHashes: readonly Buffer[]): string | null {
  const end = announceUrl.search(/[?#]/);
  const path = end < 0 ? announceUrl : announceUrl.slice(0, end);
  const slash = path.lastIndexOf('/');
  if (!path.startsWith('announce', slash + 1)) return null;
  const rest = announceUrl.slice(slash + 1 + 'announce'.length);
  return withQuery(
    `${path.slice(0, slash + 1)}scrape${rest}`,
    infoHashes.map((hash) => ['info_hash', encodePercent(hash)]),
  );
}

function withQuery(
  url: string,
  fields: readonly (readonly [string, string | number | undefined])[],
): string {
  const query = fields
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
  const [base = ''] = url.split('#', 1);
  return `${base}${base.includes('?') ? '&' : '?'}${query}`;
}

function percentText(text: string | undefined): string | undefined {
  return text === undefined ? undefined : encodePercent(Buffer.from(text, 'utf8'));
}

function twentyBytes(query: RawQuery, name: string): Buffer {
  const bytes = query.bytes(name);
  if (!bytes) throw requestInvalid(`${name} is missing.`, { name });
  if (bytes.length !== 20) {
    throw requestInvalid(`${name} does not have 20 bytes.`, { name, bytes: bytes.length });
  }
  return bytes;
}

function portOf(query: RawQuery): number {
  const port = query.integer('port');
  if (port === undefined) throw requestInvalid('port is missing.', { name: 'port' });
  if (port > 65_535) throw requestInvalid('port is not below 65536.', { name: 'port' });
  return port;
}

function eventOf(query: RawQuery): AnnounceEvent {
  const event = query.text('event');
  return event !== undefined && EVENTS.has(event) ? (event as AnnounceEvent) : 'none';
}

function shortText(query: RawQuery, name: string): string | undefined {
  const text = query.text(name);
  if (text === undefined || text === '') return undefined;
  if (text.length > MAX_TEXT) throw requestInvalid(`${name} is too long.`, { name });
  return text;
}
