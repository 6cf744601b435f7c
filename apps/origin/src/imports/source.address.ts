import { isIP } from 'node:net';

import { FleetseedError } from '#lib/contracts';

import type { AddressPolicy } from './address.policy.js';

/** Where a release is to come from, as far as it can be judged without asking anybody. */
export type SourceAddress =
  | { readonly kind: 'http'; readonly url: URL }
  | { readonly kind: 's3'; readonly bucket: string; readonly key: string }
  /** Everything below a prefix, which is empty or ends in a slash. */
  | { readonly kind: 's3-tree'; readonly bucket: string; readonly prefix: string };

export interface SourceRules {
  readonly addresses: AddressPolicy;
  /** Buckets that may be read. */
  readonly buckets: readonly string[];
  /** Where the depot is, which holds secrets: nothing of that may become a release. */
  readonly depot: { readonly bucket: string; readonly prefix: string } | null;
  readonly insecureHttp: boolean;
}

const S3 = /^s3:\/\/([^/]*)\/(.*)$/s;

/** @throws REQUEST_INVALID, SOURCE_REFUSED */
export function parseSource(text: string, rules: SourceRules): SourceAddress {
  if (/^s3:/i.test(text)) return parseS3(text, rules);
  const url = URL.canParse(text) ? new URL(text) : null;
  if (!url) throw invalid();
  checkUrl(url, rules);
  return { kind: 'http', url };
}

/**
 * Holds a URL to the rules, also one that a redirect names.
 * @throws REQUEST_INVALID, SOURCE_REFUSED
 */
export function checkUrl(
  { protocol, hostname }: URL,
  { addresses, insecureHttp }: Pick<SourceRules, 'addresses' | 'insecureHttp'>,
): void {
  if (protocol !== 'https:' && protocol !== 'http:') throw invalid();
  if (protocol === 'http:' && !insecureHttp) {
    const text =
      'Over plain http: anybody on the way may change the file; ask for it if that is meant.';
    throw new FleetseedError('SOURCE_REFUSED', text);
  }
  const literal = literalOf(hostname);
  if (literal !== null && !addresses.allows(literal, literal)) throw hostRefused(hostname);
}

/** The address that a host of a URL is, or null for a name, which has to be looked up. */
export function literalOf(hostname: string): string | null {
  const plain = hostname.replace(/^\[(.*)\]$/, '$1');
  return isIP(plain) === 0 ? null : plain;
}

/** As it may be shown and logged: users, passwords and signatures are left out. */
export function shownSource(source: SourceAddress): string {
  if (source.kind === 's3') return `s3://${source.bucket}/${source.key}`;
  if (source.kind === 's3-tree') return `s3://${source.bucket}/${source.prefix}`;
  const { protocol, host, pathname, search } = source.url;
  return `${protocol}//${host}${pathname}${search === '' ? '' : '?…'}`;
}

/** What the file or the tree is called there; null when the path does not say. */
export function fileNameOf(source: SourceAddress): string | null {
  const path = pathOf(source);
  const last = path.slice(path.lastIndexOf('/') + 1);
  if (last === '') return null;
  if (source.kind !== 'http') return last;
  try {
    return decodeURIComponent(last);
  } catch {
    return last;
  }
}

function pathOf(source: SourceAddress): string {
  if (source.kind === 's3') return source.key;
  return source.kind === 's3-tree' ? source.prefix.slice(0, -1) : source.url.pathname;
}

/** It says no more than who asks has said: which address a name has is not theirs to know. */
export function hostRefused(hostname: string): FleetseedError {
  return new FleetseedError(
    'SOURCE_REFUSED',
    `The origin does not fetch from ${hostname}: it is not public, and not in FLEETSEED_IMPORT_HOSTS.`,
    { host: hostname },
  );
}

function parseS3(text: string, { buckets, depot }: SourceRules): SourceAddress {
  const [, bucket = '', key = ''] = S3.exec(text) ?? [];
  // Gateways before a file system read dots as ways: to the depot, or to another bucket.
  const hasDots = [bucket, ...key.split('/')].some((part) => part === '.' || part === '..');
  if (bucket === '' || Buffer.byteLength(key) > 1024 || hasDots) {
    const text =
      'An S3 object is named s3://BUCKET/KEY, a tree of them s3://BUCKET/PREFIX/, without "." and "..".';
    throw new FleetseedError('REQUEST_INVALID', text);
  }
  const isTree = key === '' || key.endsWith('/');
  const root = depot?.prefix ? `${depot.prefix}/` : '';
  // A tree may have the depot in it, too.
  const isDepot =
    depot?.bucket === bucket && (key.startsWith(root) || (isTree && root.startsWith(key)));
  if (!buckets.includes(bucket) || isDepot) {
    const reason = isDepot ? 'it is the depot' : 'it is not in FLEETSEED_IMPORT_BUCKETS';
    const refusal = `The origin does not read from the bucket ${bucket}: ${reason}.`;
    throw new FleetseedError('SOURCE_REFUSED', refusal, { bucket });
  }
  return isTree ? { kind: 's3-tree', bucket, prefix: key } : { kind: 's3', bucket, key };
}

function invalid(): FleetseedError {
  return new FleetseedError(
    'REQUEST_INVALID',
    'A source is https://…, http://…, s3://BUCKET/KEY or s3://BUCKET/PREFIX/.',
  );
}
