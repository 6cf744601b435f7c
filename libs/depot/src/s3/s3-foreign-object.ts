import type { Readable } from 'node:stream';

import { GetObjectCommand } from '@aws-sdk/client-s3';

import { FleetseedError } from '#lib/contracts';
import { Unrecoverable } from '#lib/runtime';

import type { ForeignContent, ForeignObject, ForeignPosition } from '../foreign-object.js';
import { S3Door, type S3Try } from './s3-door.js';
import { failureOf, s3CodeOf } from './s3-errors.js';
import type { S3DepotOptions } from './s3-options.js';

const RANGE = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/;

const CONNECTIONS = 2;

/** An object of a bucket that is no depot of ours: it may be replaced or removed at any time. */
export class S3ForeignObject implements ForeignObject {
  /** @param onClose ends the door, if that is this object's alone */
  constructor(
    private readonly door: S3Door,
    private readonly key: string,
    private readonly onClose: () => void = () => undefined,
  ) {}

  static open(options: S3DepotOptions, key: string): S3ForeignObject {
    const door = new S3Door({ ...options, connections: CONNECTIONS });
    return new S3ForeignObject(door, key, () => closeForeign(door));
  }

  async open(position: ForeignPosition | null, signal: AbortSignal): Promise<ForeignContent> {
    const options = { body: true, signal };
    const get = (attempt: S3Try) => this.#get(position, attempt);
    try {
      const found = await this.door.run(this.key, get, options);
      return found ?? (await this.door.run(this.key, (attempt) => this.#whole(attempt), options));
    } catch (error) {
      signal.throwIfAborted();
      throw foreignError(error);
    }
  }

  close(): void {
    this.onClose();
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
    const { Bucket } = this.door.at('');
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
      // Whoever closes the source without having read this must not end the process by its error.
      bytes.on('error', () => undefined);
      return { length, version: found.ETag ?? null, offset: Number(offset), bytes };
    } catch (error) {
      const failure = failureOf(error);
      if (position && (failure === 'unmet' || failure === 'range')) return null;
      throw refusal(error) ?? error;
    }
  }
}

const SOURCE_CODES: Partial<Record<ReturnType<typeof failureOf>, SourceCode>> = {
  absent: 'SOURCE_NOT_FOUND',
  bucket: 'SOURCE_NOT_FOUND',
  denied: 'SOURCE_REFUSED',
};

export function closeForeign(door: S3Door): void {
  door.close(new FleetseedError('ABORTED', 'The source is closed.'));
  door.destroy();
}

/** What the store said for good, to be thrown inside a try of the door; null for what may pass. */
export function refusal(cause: unknown): Unrecoverable | null {
  const code = SOURCE_CODES[failureOf(cause)];
  return code ? new Unrecoverable(refused(code, cause)) : null;
}

/** What the door threw in the end, as a source says it. */
export function foreignError(error: unknown): FleetseedError {
  const isKnown = error instanceof FleetseedError && error.code.startsWith('SOURCE_');
  return isKnown ? error : unavailable(error);
}

type SourceCode = 'SOURCE_NOT_FOUND' | 'SOURCE_REFUSED';

function refused(code: SourceCode, cause: unknown): FleetseedError {
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
