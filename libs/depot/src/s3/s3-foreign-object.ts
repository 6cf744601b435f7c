import type { Readable } from 'node:stream';

import { GetObjectCommand } from '@aws-sdk/client-s3';

import { FleetseedError } from '#lib/contracts';
import { Unrecoverable } from '#lib/runtime';

import type { ForeignContent, ForeignObject, ForeignPosition } from '../foreign-object.js';
import { S3Door, type S3Try } from './s3-door.js';
import { failureOf, s3CodeOf } from './s3-errors.js';
import type { S3DepotOptions } from './s3-options.js';

const RANGE = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/;

/** An object of a bucket that is no depot of ours: it may be replaced or removed at any time. */
export class S3ForeignObject implements ForeignObject {
  readonly #door: S3Door;

  constructor(
    options: S3DepotOptions,
    private readonly key: string,
  ) {
    this.#door = new S3Door({ ...options, connections: 2 });
  }

  async open(position: ForeignPosition | null, signal: AbortSignal): Promise<ForeignContent> {
    const options = { body: true, signal };
    const get = (attempt: S3Try) => this.#get(position, attempt);
    try {
      const found = await this.#door.run(this.key, get, options);
      return found ?? (await this.#door.run(this.key, (attempt) => this.#whole(attempt), options));
    } catch (error) {
      signal.throwIfAborted();
      const isKnown = error instanceof FleetseedError && error.code.startsWith('SOURCE_');
      throw isKnown ? error : unavailable(error);
    }
  }

  close(): void {
    this.#door.close(new FleetseedError('ABORTED', 'The source is closed.'));
    this.#door.destroy();
  }

  async #whole(attempt: S3Try): Promise<ForeignContent> {
    const content = await this.#get(null, attempt);
    if (!content) throw new Unrecoverable(unavailable(new Error('range')));
    return content;
  }

  /** @returns null if there is no such part of that version any more */
  async #get(
    position: ForeignPosition | null,
    { client, signal }: S3Try,
  ): Promise<ForeignContent | null> {
    const { Bucket } = this.#door.at('');
    const goingOn =
      position && position.offset > 0
        ? { Range: `bytes=${position.offset}-`, IfMatch: position.version }
        : {};
    try {
      const command = new GetObjectCommand({ Bucket, Key: this.key, ...goingOn });
      const found = await client.send(command, { abortSignal: signal });
      const [, offset = '0', , total] = RANGE.exec(found.ContentRange ?? '') ?? [];
      const length = total === undefined ? (found.ContentLength ?? null) : Number(total);
      const bytes = found.Body as Readable;
      return { length, version: found.ETag ?? null, offset: Number(offset), bytes };
    } catch (error) {
      const failure = failureOf(error);
      if (position && (failure === 'unmet' || failure === 'range')) return null;
      throw SOURCE_CODES[failure] ? new Unrecoverable(refused(failure, error)) : error;
    }
  }
}

const SOURCE_CODES: Partial<
  Record<ReturnType<typeof failureOf>, 'SOURCE_NOT_FOUND' | 'SOURCE_REFUSED'>
> = {
  absent: 'SOURCE_NOT_FOUND',
  bucket: 'SOURCE_NOT_FOUND',
  denied: 'SOURCE_REFUSED',
};

function refused(failure: ReturnType<typeof failureOf>, cause: unknown): FleetseedError {
  const code = SOURCE_CODES[failure] ?? 'SOURCE_REFUSED';
  const reason = s3CodeOf(cause);
  const text =
    code === 'SOURCE_NOT_FOUND'
      ? 'There is no such object'
      : 'The store does not let the origin in';
  return new FleetseedError(code, `${text} (${reason}).`, { reason }, { cause });
}

function unavailable(cause: unknown): FleetseedError {
  const text = 'The source cannot be fetched: the S3 store does not answer as it should.';
  return new FleetseedError('SOURCE_UNAVAILABLE', text, { reason: s3CodeOf(cause) }, { cause });
}
