import { ListObjectsV2Command, type ListObjectsV2Output } from '@aws-sdk/client-s3';

import type { ForeignEntry, ForeignFolder, ForeignObject } from '../foreign-object.js';
import { S3Door } from './s3-door.js';
import { closeForeign, foreignError, refusal, S3ForeignObject } from './s3-foreign-object.js';
import { checkGoesOn } from './s3-listing.js';
import type { S3DepotOptions } from './s3-options.js';

const CONNECTIONS = 16;

/** What begins with one prefix in a bucket that is no depot of ours. */
export class S3ForeignFolder implements ForeignFolder {
  readonly #door: S3Door;

  constructor(
    options: S3DepotOptions,
    private readonly prefix: string,
  ) {
    this.#door = new S3Door({ ...options, connections: CONNECTIONS });
  }

  async *list(signal: AbortSignal): AsyncGenerator<ForeignEntry[]> {
    for (let token: string | undefined; ;) {
      const { Contents = [], IsTruncated, NextContinuationToken } = await this.#page(token, signal);
      yield Contents.flatMap(({ Key: key, Size: length = 0, ETag: version = null }) =>
        key === undefined ? [] : [{ key, length, version }],
      );
      token = IsTruncated ? NextContinuationToken : undefined;
      if (token === undefined) return;
    }
  }

  object(key: string): ForeignObject {
    return new S3ForeignObject(this.#door, key);
  }

  close(): void {
    closeForeign(this.#door);
  }

  async #page(token: string | undefined, outer: AbortSignal): Promise<ListObjectsV2Output> {
    const { Bucket } = this.#door.at('');
    try {
      return await this.#door.run(
        this.prefix,
        async ({ client, signal }) => {
          const command = new ListObjectsV2Command({
            Bucket,
            Prefix: this.prefix,
            ...(token === undefined ? {} : { ContinuationToken: token }),
          });
          try {
            return checkGoesOn(await client.send(command, { abortSignal: signal }), token);
          } catch (error) {
            throw refusal(error) ?? error;
          }
        },
        { signal: outer },
      );
    } catch (error) {
      outer.throwIfAborted();
      throw foreignError(error);
    }
  }
}
