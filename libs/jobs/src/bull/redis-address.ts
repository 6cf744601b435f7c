import { FleetseedError } from '#lib/contracts';

/** The part of the client's options that says where to connect and as whom. */
export interface RedisConnectionOptions {
  host?: string;
  port?: number;
  path?: string;
  db: number;
  username?: string;
  password?: string;
  tls?: { servername: string };
}

/** Where a Redis is. `shown` may be logged: it has no user and no password. */
export interface RedisAddress {
  readonly options: RedisConnectionOptions;
  readonly shown: string;
}

/**
 * Reads `redis://[user[:password]@]host[:port][/db]`, `rediss://…` (TLS) or `unix:///path[?db=n]`.
 * @throws CONFIG_INVALID, without the URL in its text
 */
export function redisAddressOf(text: string): RedisAddress {
  const url = URL.canParse(text) ? new URL(text) : null;
  const scheme = url?.protocol ?? '';
  if (url && scheme === 'unix:' && url.pathname.length > 1) {
    const path = decodeURIComponent(url.pathname);
    const db = databaseOf(url.searchParams.get('db') ?? '');
    return { options: { path, db }, shown: `unix://${path}?db=${db}` };
  }
  if (!url || (scheme !== 'redis:' && scheme !== 'rediss:') || url.hostname === '') throw invalid();
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const port = url.port === '' ? 6379 : Number(url.port);
  const db = databaseOf(url.pathname.slice(1));
  const options: RedisConnectionOptions = { host, port, db };
  if (url.username !== '') options.username = decodeURIComponent(url.username);
  if (url.password !== '') options.password = decodeURIComponent(url.password);
  if (scheme === 'rediss:') options.tls = { servername: host };
  return { options, shown: `${scheme}//${url.hostname}:${port}/${db}` };
}

function databaseOf(text: string): number {
  if (!/^\d{0,5}$/.test(text)) throw invalid();
  return Number(text);
}

function invalid(): FleetseedError {
  return new FleetseedError(
    'CONFIG_INVALID',
    'A Redis URL is redis://host:port/db, rediss:// for TLS, or unix:///path.',
  );
}
