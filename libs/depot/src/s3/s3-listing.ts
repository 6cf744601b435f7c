import { ListObjectsV2Command, type ListObjectsV2Output } from '@aws-sdk/client-s3';

import { pageLimit } from '../depot-checks.js';
import { compareKeys } from '../depot-key.js';
import type { KeyPage, ListOptions } from '../depot.js';
import type { S3Door } from './s3-door.js';

const LARGEST_PAGE = 1000;
/** Names of the depot's own begin with a dot, and so sort before this; keys never do. */
const AFTER_OWN_NAMES = '/';

/** A page of the depot's keys. */
export async function listKeys(
  door: S3Door,
  prefix: string,
  options: ListOptions,
): Promise<KeyPage> {
  const limit = pageLimit(options);
  const after = options.after ?? '';
  const start = prefix === '' && after < AFTER_OWN_NAMES ? AFTER_OWN_NAMES : after;
  const keys: string[] = [];
  for await (const key of walk(door, { prefix, start, folders: options.folders ?? false, limit })) {
    // Stores do not agree on whether a folder comes after itself.
    if (key <= after) continue;
    if (keys.length === limit) return { keys, next: keys.at(-1) ?? null };
    keys.push(key);
  }
  return { keys, next: null };
}

export interface S3Walk {
  readonly prefix: string;
  /** Only what comes after it; '' for everything. */
  readonly start?: string;
  readonly folders?: boolean;
  /** How many will be wanted, if that is known. */
  readonly limit?: number;
}

/** Everything below a prefix in bytewise order, the depot's own names included. */
export async function* walk(
  door: S3Door,
  { prefix, start = '', folders = false, limit = LARGEST_PAGE }: S3Walk,
): AsyncGenerator<string> {
  const root = door.at(prefix);
  for (let token: string | undefined; ;) {
    const page = await door.run(prefix, async ({ client, signal }) => {
      const command = new ListObjectsV2Command({
        Bucket: root.Bucket,
        Prefix: root.Key,
        MaxKeys: Math.min(LARGEST_PAGE, limit + 1),
        ...(start === '' ? {} : { StartAfter: door.at(start).Key }),
        ...(folders ? { Delimiter: '/' } : {}),
        ...(token === undefined ? {} : { ContinuationToken: token }),
      });
      return checkGoesOn(await client.send(command, { abortSignal: signal }), token);
    });
    const names = [
      ...(page.Contents ?? []).map(({ Key }) => Key),
      ...(page.CommonPrefixes ?? []).map(({ Prefix }) => Prefix),
    ];
    const keys = names.flatMap((name) => (name === undefined ? [] : [door.keyOf(name)]));
    yield* keys.sort(compareKeys);
    token = page.IsTruncated ? page.NextContinuationToken : undefined;
    if (token === undefined) return;
  }
}

/**
 * A page that says there is more, and not how to get there or the way to where it is, is half an answer
 * and asked for again: taken for whole, what it lacks would be taken for gone.
 * @param token by which this page was asked for
 */
export function checkGoesOn(
  page: ListObjectsV2Output,
  token: string | undefined,
): ListObjectsV2Output {
  const { IsTruncated, NextContinuationToken: next } = page;
  if (!IsTruncated || (next !== undefined && next !== token)) return page;
  throw new Error('The store lists a part, and does not say how it goes on.');
}
