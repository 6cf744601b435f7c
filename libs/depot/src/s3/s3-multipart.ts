import type { Readable } from 'node:stream';

import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  ListPartsCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
  type ListPartsCommandOutput,
} from '@aws-sdk/client-s3';

import { FleetseedError } from '#lib/contracts';

import type { ByteRange } from '../depot.js';
import type { S3Door, S3Try } from './s3-door.js';
import { failureOf } from './s3-errors.js';

/** Limits of S3, bytes. */
export const LEAST_PART = 5 * 1024 ** 2;
export const LARGEST_PART = 5 * 1024 ** 3;
export const MOST_PARTS = 10_000;

/** `ended`: it was completed or aborted before. `changed`: a part is not what its ETag says. */
export type Completion = 'done' | 'ended' | 'changed';

export interface StoredPart {
  readonly etag: string;
  readonly length: number;
}

/** One upload in parts of S3; part numbers begin at 1. */
export class S3Multipart {
  constructor(
    private readonly door: S3Door,
    readonly key: string,
    readonly uploadId: string,
  ) {}

  static async begin(door: S3Door, key: string, signal?: AbortSignal): Promise<S3Multipart> {
    const begin = async (attempt: S3Try) => {
      const command = new CreateMultipartUploadCommand(door.at(key));
      return attempt.client.send(command, { abortSignal: attempt.signal });
    };
    const { UploadId } = await door.run(key, begin, { signal });
    if (UploadId !== undefined) return new S3Multipart(door, key, UploadId);
    throw new FleetseedError('DEPOT_UNUSABLE', 'The S3 store names no upload in parts.', { key });
  }

  /**
   * Sends a part. `bodyOf` is asked for each try.
   * @returns its ETag, or null when the upload has ended
   */
  async send(
    number: number,
    length: number,
    bodyOf: (attempt: S3Try) => Readable,
    signal?: AbortSignal,
  ): Promise<string | null> {
    const send = async (attempt: S3Try) => {
      const command = new UploadPartCommand({
        ...this.#about(),
        PartNumber: number,
        ContentLength: length,
        Body: bodyOf(attempt),
      });
      return this.#unlessEnded(async () => {
        const { ETag } = await attempt.client.send(command, { abortSignal: attempt.signal });
        return ETag ?? this.#nameless();
      });
    };
    return this.door.run(this.key, send, { body: true, signal });
  }

  /** Makes a part of an object of the depot: all of so many bytes, or a range. @returns as `send` */
  async copy(number: number, from: string, range: ByteRange | number): Promise<string | null> {
    const isWhole = typeof range === 'number';
    const copy = async ({ client, signal }: S3Try) => {
      const command = new UploadPartCopyCommand({
        ...this.#about(),
        PartNumber: number,
        CopySource: copySource(this.door, from),
        ...(isWhole ? {} : { CopySourceRange: rangeHeader(range) }),
      });
      return this.#unlessEnded(async () => {
        const { CopyPartResult } = await client.send(command, { abortSignal: signal });
        return CopyPartResult?.ETag ?? this.#nameless();
      });
    };
    const timeoutMs = this.door.timeoutFor(isWhole ? range : range.length);
    return this.door.run(this.key, copy, { timeoutMs });
  }

  /**
   * Makes the object of these parts, of `length` bytes in all. An upload that has ended after a try
   * of ours whose answer was lost was completed by that.
   */
  async complete(etags: readonly string[], length: number): Promise<Completion> {
    const parts = etags.map((ETag, index) => ({ PartNumber: index + 1, ETag }));
    const complete = async ({ client, signal, number }: S3Try): Promise<Completion> => {
      try {
        const about = { ...this.#about(), MultipartUpload: { Parts: parts } };
        await client.send(new CompleteMultipartUploadCommand(about), { abortSignal: signal });
        return 'done';
      } catch (error) {
        if (error instanceof Error && error.name === 'InvalidPart') return 'changed';
        if (failureOf(error) !== 'ended') throw error;
        if (number === 1) return 'ended';
        const head = new HeadObjectCommand(this.door.at(this.key));
        const found = await client.send(head, { abortSignal: signal }).catch((lost: unknown) => {
          if (failureOf(lost) === 'absent') return null;
          throw lost;
        });
        return found?.ContentLength === length ? 'done' : 'ended';
      }
    };
    return this.door.run(this.key, complete, { timeoutMs: this.door.timeoutFor(length) });
  }

  /** The parts that are there now, by their numbers; null when the upload has ended. */
  async parts(): Promise<Map<number, StoredPart> | null> {
    const parts = new Map<number, StoredPart>();
    for (let marker: string | undefined; ;) {
      const page = await this.#page(marker);
      if (!page) return null;
      for (const { PartNumber: number, ETag: etag, Size: length } of page.Parts ?? []) {
        if (number === undefined || etag === undefined || length === undefined) this.#nameless();
        parts.set(number, { etag, length });
      }
      marker = page.IsTruncated ? page.NextPartNumberMarker : undefined;
      if (marker === undefined) return parts;
    }
  }

  /** Drops the parts; one that has ended is left as it is. */
  async abort(): Promise<void> {
    await this.door.run(this.key, async ({ client, signal }) =>
      this.#unlessEnded(async () => {
        await client.send(new AbortMultipartUploadCommand(this.#about()), { abortSignal: signal });
        return null;
      }),
    );
  }

  #about() {
    return { ...this.door.at(this.key), UploadId: this.uploadId };
  }

  #page(marker: string | undefined): Promise<ListPartsCommandOutput | null> {
    const after = marker === undefined ? {} : { PartNumberMarker: marker };
    return this.door.run(this.key, async ({ client, signal }) => {
      try {
        const command = new ListPartsCommand({ ...this.#about(), ...after });
        return await client.send(command, { abortSignal: signal });
      } catch (error) {
        if (failureOf(error) === 'ended') return null;
        throw error;
      }
    });
  }

  #nameless(): never {
    const text = 'The S3 store gives parts no ETag.';
    throw new FleetseedError('DEPOT_UNUSABLE', text, { key: this.key });
  }

  async #unlessEnded(request: () => Promise<string | null>): Promise<string | null> {
    try {
      return await request();
    } catch (error) {
      if (failureOf(error) === 'ended') return null;
      throw error;
    }
  }
}

/** What a request to copy names its source by. */
export function copySource(door: S3Door, key: string): string {
  const { Bucket, Key } = door.at(key);
  return `${Bucket}/${Key.split('/').map(encodeURIComponent).join('/')}`;
}

export function rangeHeader({ offset, length }: ByteRange): string {
  return `bytes=${offset}-${offset + length - 1}`;
}
