import { randomBytes } from 'node:crypto';

import { PutObjectCommand } from '@aws-sdk/client-s3';
import { z } from 'zod';

import { FleetseedError } from '#lib/contracts';
import { sideBySide } from '#lib/runtime';

import { partCount, partRange, uploadGone, uploadIncomplete } from '../depot-checks.js';
import type { ChunkOptions, Chunks, PartedObject } from '../depot.js';
import { ChunkSource } from './chunk-source.js';
import type { MemoryBudget } from './memory-budget.js';
import { RepeatableBody } from './repeatable-body.js';
import type { S3Documents } from './s3-documents.js';
import type { S3Door, S3Try } from './s3-door.js';
import { unavailable } from './s3-errors.js';
import { walk } from './s3-listing.js';
import { S3Multipart } from './s3-multipart.js';
import { removeFolder, removeKey } from './s3-removal.js';

const HANDLE = /^([0-9a-f]{32})\.(\S{1,1024})$/;
const ROOT = '.parts/';
const BEGUN = 'begun';
const READ_AT_ONCE = 32;
/** A commit finds parts changed only by a try of theirs that came late; there are few of those. */
const COMMIT_ROUNDS = 4;

const Begun = z.looseObject({ key: z.string(), uploadId: z.string(), at: z.number() });
/** How a part was decided: by the ETag it has in the upload, or by the object that it lies in. */
const Decision = z.union([z.object({ etag: z.string() }), z.object({ object: z.string() })]);
type Decision = z.infer<typeof Decision>;

/**
 * Objects that arrive in parts, straight into an upload in parts of S3, whichever replica takes which.
 *
 * S3 lets the last writer of a part win, and a request may take effect long after everybody gave it
 * up. So a part of the upload has one writer ever: who first claims it. Whoever comes while a claim
 * stands without a decision (its holder may have died) brings the part as an object of its own, which
 * the commit copies in. What counts is a document that is created once: the decision.
 *
 *   .parts/<id>/begun           the upload; as long as it is there
 *   .parts/<id>/<n>.claim       somebody writes, or has written, part n of the upload
 *   .parts/<id>/<n>.<try>       part n as an object of its own
 *   .parts/<id>/<n>             part n is there, and which one it is
 */
export class S3Parts {
  constructor(
    private readonly door: S3Door,
    private readonly documents: S3Documents,
    private readonly memory: MemoryBudget,
  ) {}

  async begin(key: string, length: number, partLength: number, at: number): Promise<PartedObject> {
    const id = randomBytes(16).toString('hex');
    const upload = await S3Multipart.begin(this.door, key);
    const { uploadId } = upload;
    const begun = Buffer.from(JSON.stringify({ key, uploadId, at }));
    try {
      await this.documents.create(`${ROOT}${id}/${BEGUN}`, begun);
    } catch (error) {
      await upload.abort().catch(() => undefined);
      throw error;
    }
    return { key, handle: `${id}.${uploadId}`, length, partLength };
  }

  async put(
    parted: PartedObject,
    index: number,
    chunks: Chunks,
    options: ChunkOptions & { readonly signal: AbortSignal },
  ): Promise<boolean> {
    const { length } = partRange(parted, index);
    const { folder, upload } = this.#of(parted);
    const isFirst = await this.documents.create(claimKey(folder, index), EMPTY);
    if (!isFirst) {
      if (await this.documents.read(`${folder}${index}`)) return false;
      if (!(await this.documents.read(folder + BEGUN))) throw uploadGone(parted);
    }
    const source = new ChunkSource(parted.key, chunks, { ...options, length });
    const body = new RepeatableBody(parted.key, source, length, this.memory);
    try {
      return isFirst
        ? await this.#putFirst(parted, index, upload, body, options.signal)
        : await this.#putAside(`${folder}${index}`, body, options.signal);
    } finally {
      await body.close();
    }
  }

  /** @throws UPLOAD_NOT_FOUND */
  async list(parted: PartedObject): Promise<number[]> {
    const { folder } = this.#of(parted);
    const present: number[] = [];
    let begun = false;
    for await (const key of walk(this.door, { prefix: folder })) {
      const name = key.slice(folder.length);
      if (name === BEGUN) begun = true;
      if (/^\d+$/.test(name)) present.push(Number(name));
    }
    if (!begun) throw uploadGone(parted);
    return present.sort((a, b) => a - b);
  }

  async commit(parted: PartedObject): Promise<void> {
    const { folder, upload } = this.#of(parted);
    const present = await this.list(parted);
    if (present.length < partCount(parted)) throw uploadIncomplete(parted, present.length);
    const decisions: Decision[] = [];
    await sideBySide(present, READ_AT_ONCE, async (index) => {
      decisions[index] = await this.#decision(parted, `${folder}${index}`);
    });
    const done = await this.#complete(parted, upload, decisions);
    await this.#forget(folder);
    if (!done) throw uploadGone(parted);
  }

  async abort(parted: PartedObject): Promise<void> {
    const { folder, upload } = this.#of(parted);
    await upload.abort();
    await this.#forget(folder);
  }

  /** Drops what was begun before `time` and never ended, and what an interrupted end has left. */
  async sweep(time: number): Promise<void> {
    for await (const folder of walk(this.door, { prefix: ROOT, folders: true })) {
      const begun = await this.documents.read(folder + BEGUN);
      const parsed = begun && Begun.safeParse(JSON.parse(begun.bytes.toString('utf8'))).data;
      if (parsed && parsed.at >= time) continue;
      if (parsed) await new S3Multipart(this.door, parsed.key, parsed.uploadId).abort();
      await this.#forget(folder);
    }
  }

  async #putFirst(
    parted: PartedObject,
    index: number,
    upload: S3Multipart,
    body: RepeatableBody,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { folder } = this.#of(parted);
    let etag: string | null;
    try {
      etag = await upload.send(index + 1, body.length, (attempt) => body.open(attempt), signal);
      if (etag === null) throw uploadGone(parted);
    } catch (error) {
      // Half of a body is never stored, so whoever comes next may write the part.
      const isUnwritten = !body.wasSentWhole || isGone(error);
      if (isUnwritten) await removeKey(this.door, claimKey(folder, index)).catch(() => undefined);
      throw body.failure ? body.failure.error : error;
    }
    return this.#decide(`${folder}${index}`, { etag });
  }

  async #putAside(key: string, body: RepeatableBody, signal: AbortSignal): Promise<boolean> {
    const object = `${key}.${randomBytes(8).toString('hex')}`;
    const put = async (attempt: S3Try) => {
      const about = { ...this.door.at(object), ContentLength: body.length };
      const command = new PutObjectCommand({ ...about, Body: body.open(attempt) });
      await attempt.client.send(command, { abortSignal: attempt.signal });
    };
    try {
      await this.door.run(object, put, { body: true, signal });
    } catch (error) {
      throw body.failure ? body.failure.error : error;
    }
    const won = await this.#decide(key, { object });
    if (!won) await removeKey(this.door, object);
    return won;
  }

  #decide(key: string, decision: Decision): Promise<boolean> {
    return this.documents.create(key, Buffer.from(JSON.stringify(decision)));
  }

  async #decision(parted: PartedObject, key: string): Promise<Decision> {
    const stored = await this.documents.read(key);
    // Somebody else commits or aborts, and has begun to clear up.
    if (!stored) throw uploadGone(parted);
    const decision = Decision.safeParse(JSON.parse(stored.bytes.toString('utf8')));
    if (decision.success) return decision.data;
    throw new FleetseedError('DEPOT_CORRUPT', 'What is known of a part is damaged.', { key });
  }

  /** @returns false if the upload has ended before. */
  async #complete(
    parted: PartedObject,
    upload: S3Multipart,
    decisions: readonly Decision[],
  ): Promise<boolean> {
    for (let round = 1; round <= COMMIT_ROUNDS; round++) {
      const etags = round === 1 ? decisions : await this.#current(upload, decisions);
      const all: string[] = [];
      for (const [index, part] of etags.entries()) {
        const { length } = partRange(parted, index);
        const etag = 'etag' in part ? part.etag : await upload.copy(index + 1, part.object, length);
        if (etag === null) return false;
        all.push(etag);
      }
      const completion = await upload.complete(all, parted.length);
      if (completion !== 'changed') return completion === 'done';
    }
    throw unavailable(parted.key, new Error('parts go on changing'));
  }

  /**
   * A late try of a part brought the same bytes again, under an ETag of its own where the store
   * encrypts: the part in the upload is right whatever it is called.
   */
  async #current(upload: S3Multipart, decisions: readonly Decision[]): Promise<Decision[]> {
    const parts = await upload.parts();
    return decisions.map((decision, index) => {
      const part = parts?.get(index + 1);
      return 'object' in decision || !part ? decision : { etag: part.etag };
    });
  }

  async #forget(folder: string): Promise<void> {
    await removeKey(this.door, folder + BEGUN);
    await removeFolder(this.door, folder);
  }

  #of(parted: PartedObject): { readonly folder: string; readonly upload: S3Multipart } {
    const [, id, uploadId] = HANDLE.exec(parted.handle) ?? [];
    if (id === undefined || uploadId === undefined) throw uploadGone(parted);
    const upload = new S3Multipart(this.door, parted.key, uploadId);
    return { folder: `${ROOT}${id}/`, upload };
  }
}

const EMPTY = Buffer.from('{}');

function claimKey(folder: string, index: number): string {
  return `${folder}${index}.claim`;
}

function isGone(error: unknown): boolean {
  return error instanceof FleetseedError && error.code === 'UPLOAD_NOT_FOUND';
}
