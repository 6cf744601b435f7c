import { randomBytes } from 'node:crypto';

import { GetObjectCommand, HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';

import { FleetseedError } from '#lib/contracts';

import { MAX_DOCUMENT_BYTES } from '../depot-checks.js';
import type { StoredDocument } from '../depot.js';
import type { S3Door, S3Try } from './s3-door.js';
import { failureOf, s3Error, unknownOutcome } from './s3-errors.js';

/** Metadata of a document's object: who made the key, who wrote it last, and who before that. */
const CREATOR = 'fleetseed-creator';
const WRITER = 'fleetseed-writer';
const PREVIOUS = 'fleetseed-previous';

interface Marks {
  readonly creator: string;
  readonly writer: string;
  readonly previous: string;
}

interface Head extends Marks {
  readonly etag: string;
}

/**
 * Documents, by conditional writes. When the answer to one is lost, nobody knows whether it happened,
 * and a second try may find its condition broken by the first. So every write has a name, which the
 * document carries beside those of its first writer and of the one before; by them a write is
 * recognised that has happened, also when it was replaced at once.
 */
export class S3Documents {
  constructor(private readonly door: S3Door) {}

  /** @returns null if there is no such document. */
  async read(key: string): Promise<StoredDocument | null> {
    return this.door.run(key, async ({ client, signal }) => {
      try {
        const command = new GetObjectCommand(this.door.at(key));
        const found = await client.send(command, { abortSignal: signal });
        const length = found.ContentLength ?? 0;
        if (length > MAX_DOCUMENT_BYTES) {
          throw new FleetseedError('DEPOT_CORRUPT', 'A document is too long.', { key, length });
        }
        const bytes = Buffer.from((await found.Body?.transformToByteArray()) ?? []);
        if (bytes.length !== length) throw new Error('The answer ended early.');
        return { bytes, version: versionOf(headOf(found)) };
      } catch (error) {
        if (failureOf(error) === 'absent') return null;
        throw error;
      }
    });
  }

  /** @returns false if the key was taken. */
  async create(key: string, bytes: Uint8Array): Promise<boolean> {
    const writer = newName();
    const marks = { creator: writer, writer, previous: '' };
    let unsure: unknown;
    return this.door.run(key, async (attempt) => {
      try {
        await this.#put(attempt, key, bytes, marks, { IfNoneMatch: '*' });
        return true;
      } catch (error) {
        const failure = failureOf(error);
        if (failure === 'passing') unsure ??= error;
        if (failure !== 'unmet') throw error;
        if (unsure === undefined) return false;
        const head = await this.#head(attempt, key);
        if (head) return head.creator === writer;
        // Made, by us or by somebody else, and removed since.
        throw unknownOutcome(key, unsure);
      }
    });
  }

  /** @returns the new version, or null if the document has moved on or is gone. */
  async replace(key: string, bytes: Uint8Array, expected: string): Promise<string | null> {
    const before = headOfVersion(expected);
    if (!before) return null;
    const marks = { creator: before.creator, writer: newName(), previous: before.writer };
    let unsure: unknown;
    return this.door.run(key, async (attempt) => {
      try {
        const etag = await this.#put(attempt, key, bytes, marks, { IfMatch: before.etag });
        return versionOf({ ...marks, etag });
      } catch (error) {
        const failure = failureOf(error);
        if (failure === 'passing') unsure ??= error;
        if (failure !== 'unmet' && failure !== 'absent') throw error;
        if (unsure === undefined) return null;
        const head = await this.#head(attempt, key);
        if (head?.writer === marks.writer) return versionOf(head);
        // It was ours for a moment: done, and outdated already.
        if (head?.previous === marks.writer) return versionOf({ ...marks, etag: '"outdated"' });
        throw unknownOutcome(key, unsure);
      }
    });
  }

  async #put(
    { client, signal }: S3Try,
    key: string,
    bytes: Uint8Array,
    { creator, writer, previous }: Marks,
    condition: { readonly IfNoneMatch: '*' } | { readonly IfMatch: string },
  ): Promise<string> {
    const command = new PutObjectCommand({
      ...this.door.at(key),
      ...condition,
      Body: bytes,
      ContentLength: bytes.length,
      Metadata: { [CREATOR]: creator, [WRITER]: writer, [PREVIOUS]: previous },
    });
    const { ETag } = await client.send(command, { abortSignal: signal });
    if (ETag !== undefined) return ETag;
    throw new FleetseedError('DEPOT_UNUSABLE', 'The S3 store gives no ETag.', { key });
  }

  /** Of the same try as the write: if this fails as well, both are tried again. */
  async #head({ client, signal }: S3Try, key: string): Promise<Head | null> {
    try {
      const command = new HeadObjectCommand(this.door.at(key));
      return headOf(await client.send(command, { abortSignal: signal }));
    } catch (error) {
      if (failureOf(error) === 'absent') return null;
      if (failureOf(error) === 'passing') throw error;
      throw s3Error(error, key);
    }
  }
}

function newName(): string {
  return randomBytes(12).toString('hex');
}

function headOf(found: {
  readonly ETag?: string | undefined;
  readonly Metadata?: Readonly<Record<string, string>> | undefined;
}): Head {
  const { ETag: etag = '', Metadata: metadata = {} } = found;
  return {
    etag,
    // A bucket that was copied may have lost them.
    creator: metadata[CREATOR] ?? '',
    writer: metadata[WRITER] ?? '',
    previous: metadata[PREVIOUS] ?? '',
  };
}

function versionOf({ etag, creator, writer }: Omit<Head, 'previous'>): string {
  return `${creator}/${writer}/${etag}`;
}

function headOfVersion(version: string): Omit<Head, 'previous'> | null {
  const [, creator, writer, etag] = /^([0-9a-f]*)\/([0-9a-f]*)\/(.+)$/.exec(version) ?? [];
  return etag === undefined ? null : { creator: creator!, writer: writer!, etag };
}
