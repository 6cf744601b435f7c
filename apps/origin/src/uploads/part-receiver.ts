import type { IncomingMessage } from 'node:http';

import { Inject, Injectable } from '@nestjs/common';

import { CONTENT_DIGEST_HEADER, FleetseedError } from '#lib/contracts';
import type { Depot } from '#lib/depot';

import { DEPOT } from '../depot/depot.tokens.js';
import { parseContentDigest } from './content-digest.js';
import { LatestWins } from './latest-wins.js';
import { PartHasher, type Stretch } from './part-hashes.js';
import { partInvalid } from './upload-errors.js';
import { UploadEvents } from './upload-events.js';
import { partCountOf, partLengthOf } from './upload-planner.js';
import { streamsV1, type PlanObject, type UploadRecord } from './upload-record.js';
import { UploadStore } from './upload-store.js';

/** Takes parts in: hashed while they stream to the depot, kept only if they are what they claim. */
@Injectable()
export class PartReceiver {
  readonly #transfers = new LatestWins();

  constructor(
    private readonly store: UploadStore,
    private readonly events: UploadEvents,
    @Inject(DEPOT) private readonly depot: Depot,
  ) {}

  /**
   * Stores a part durably. Sending it again changes nothing.
   * @throws PART_INVALID, PART_HASH_MISMATCH, ROOT_MISMATCH, DEPOT_FULL; nothing is kept then
   */
  async receive(
    record: UploadRecord,
    object: string,
    part: number,
    request: IncomingMessage,
  ): Promise<{ received: true }> {
    const plan = await this.store.plan(record);
    const planned = plan.objects.find((each) => each.object === object);
    if (!planned || part >= partCountOf(planned)) {
      throw partInvalid('The upload has no such part.', { object, part });
    }
    const { source } = planned;
    if ('parted' in source) {
      const digest = parseContentDigest(headerOf(request, CONTENT_DIGEST_HEADER));
      checkLength(planned, part, request);
      const hasher = new PartHasher(stretchesOf(planned, part), plan.pieceLength, streamsV1(plan));
      const keep = () => this.#keepHashes(record.upload, planned, part, hasher, digest);
      const chunks = checkedChunks(request, partLengthOf(planned, part), hasher, keep);
      await this.#transfers.run(`${record.upload}/${object}/${part}`, (signal) =>
        this.depot.putPart(source.parted, part, chunks, { signal }),
      );
    }
    // What the depot had no use for still has to leave the socket.
    request.resume();
    this.events.changed(record.upload);
    return { received: true };
  }

  async #keepHashes(
    upload: string,
    planned: PlanObject,
    part: number,
    hasher: PartHasher,
    expected: Buffer,
  ): Promise<void> {
    const { digest, hashes } = hasher.finish();
    if (!digest.equals(expected)) {
      throw new FleetseedError(
        'PART_HASH_MISMATCH',
        'The part does not have the SHA-256 it claims.',
        {
          object: planned.object,
          part,
        },
      );
    }
    await this.store.writeHashes(upload, planned.object, part, hashes);
  }
}

/**
 * The bytes of a request, hashed on their way, with `keep` run after the last one: the depot makes
 * the part visible only when this has ended well.
 */
async function* checkedChunks(
  request: IncomingMessage,
  length: number,
  hasher: PartHasher,
  keep: () => Promise<void>,
): AsyncGenerator<Uint8Array> {
  let received = 0;
  for await (const chunk of bodyOf(request)) {
    received += chunk.length;
    if (received > length) throw wrongLength(length, received);
    hasher.update(chunk);
    yield chunk;
  }
  if (received !== length) throw wrongLength(length, received);
  await keep();
}

/**
 * The chunks of a body; a sender that goes away is told from faults of our own. Whoever stops in the
 * middle leaves the connection as it is: the sender is to read why it was refused.
 */
export async function* bodyOf(request: IncomingMessage): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false })) yield chunk as Buffer;
  } catch (cause) {
    if (cause instanceof FleetseedError) throw cause;
    throw new FleetseedError('ABORTED', 'The sender went away.', {}, { cause });
  }
}

function stretchesOf(planned: PlanObject, part: number): Stretch[] {
  if (partCountOf(planned) === 1) {
    return planned.entries.map(({ root, length }) => ({ root, length, fileLength: length }));
  }
  // Of a large file: whether it has its root is known when all parts are there.
  return [{ root: null, length: partLengthOf(planned, part), fileLength: planned.bytes }];
}

function checkLength(planned: PlanObject, part: number, request: IncomingMessage): void {
  const header = request.headers['content-length'];
  const expected = partLengthOf(planned, part);
  if (header !== undefined && Number(header) !== expected) {
    throw wrongLength(expected, Number(header));
  }
}

function wrongLength(expected: number, received: number): FleetseedError {
  return partInvalid(`The part must have ${expected} bytes.`, { expected, received });
}

function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}
