import { Injectable } from '@nestjs/common';
import type { Request } from 'express';

import { FleetseedError } from '#lib/contracts';

import type { BodyHashes } from './body-hasher.js';
import { ExactBody } from './body-source.js';
import { claimMissing, parseClaim, type PartClaim } from './content-digest.js';
import { HashedParts, type IncomingPart } from './hashed-parts.js';
import { bodyOf } from './incoming-body.js';
import { LatestWins } from './latest-wins.js';
import { keptOf, stretchesOf } from './part-cut.js';
import { nodeSpanFor, rootOfNodes } from './part-hashes.js';
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
    private readonly parts: HashedParts,
  ) {}

  /**
   * Stores a part durably. Sending it again changes nothing.
   * @throws PART_INVALID, PART_HASH_MISMATCH, ROOT_MISMATCH, DEPOT_FULL; nothing is kept then
   */
  async receive(
    record: UploadRecord,
    object: string,
    part: number,
    request: Request,
  ): Promise<{ received: true }> {
    const plan = await this.store.plan(record);
    const planned = plan.objects.find((each) => each.object === object);
    if (!planned || part >= partCountOf(planned)) {
      throw partInvalid('The upload has no such part.', { object, part });
    }
    const { source } = planned;
    if ('direct' in source) {
      throw partInvalid('This part is sent to its URL, not here.', { object, part });
    }
    if ('parted' in source) {
      const claim = parseClaim(request.headers);
      // Whole files are known by their roots: nothing needs to be said about them.
      if (!claim && stretchesOf(planned, part).some(({ root }) => root === null)) {
        throw claimMissing();
      }
      checkLength(planned, part, request);
      const { pieceLength } = plan;
      const claimed = { planned, part, claim, pieceLength };
      const incoming: IncomingPart = {
        upload: record.upload,
        planned,
        parted: source.parted,
        part,
        pieceLength,
        withV1: streamsV1(plan),
        digest: claim !== null && 'digest' in claim,
      };
      const length = partLengthOf(planned, part);
      const bytes = bodyOf(request);
      const body = new ExactBody(bytes, length, (received) => wrongLength(length, received));
      const check = (hashes: BodyHashes) => {
        checkClaim(claimed, hashes);
        return checkedHashes(claimed, hashes);
      };
      try {
        await this.#transfers.run(`${record.upload}/${object}/${part}`, (signal) =>
          this.parts.put(incoming, body, check, signal),
        );
      } finally {
        // What the depot had no use for still has to leave the socket.
        bytes.discard();
      }
    } else {
      request.resume();
    }
    this.events.changed(record.upload);
    return { received: true };
  }
}

/**
 * @throws ROOT_MISMATCH when the part is what it claims, and not what was declared;
 *   PART_HASH_MISMATCH when it claims nothing: it may be damaged, and sending it again may help
 */
function checkedHashes({ planned, part, claim, pieceLength }: ClaimedPart, hashes: BodyHashes) {
  try {
    return keptOf(planned, part, pieceLength, hashes);
  } catch (error) {
    if (claim !== null || !(error instanceof FleetseedError && error.code === 'ROOT_MISMATCH'))
      throw error;
    const text = 'The part does not hold the files that were declared.';
    throw new FleetseedError('PART_HASH_MISMATCH', text, error.facts, { cause: error });
  }
}

interface ClaimedPart {
  readonly planned: PlanObject;
  readonly part: number;
  readonly claim: PartClaim | null;
  readonly pieceLength: number;
}

function checkClaim(claimed: ClaimedPart, { digest, nodes }: BodyHashes): void {
  const { claim, planned, part, pieceLength } = claimed;
  if (claim === null) return;
  const { object, partBytes } = planned;
  if ('digest' in claim) {
    if (digest.equals(claim.digest)) return;
    const text = 'The part does not have the SHA-256 it claims.';
    throw new FleetseedError('PART_HASH_MISMATCH', text, { object, part });
  }
  // Of an object that is one part the whole files are checked, which says more.
  if (partCountOf(planned) === 1) return;
  if (rootOfNodes(nodes, nodeSpanFor(pieceLength), partBytes).equals(claim.root)) return;
  const text = 'The part does not have the Merkle root it claims.';
  throw new FleetseedError('PART_HASH_MISMATCH', text, { object, part });
}

function checkLength(planned: PlanObject, part: number, request: Request): void {
  const header = request.headers['content-length'];
  const expected = partLengthOf(planned, part);
  if (header !== undefined && Number(header) !== expected) {
    throw wrongLength(expected, Number(header));
  }
}

function wrongLength(expected: number, received: number): FleetseedError {
  return partInvalid(`The part must have ${expected} bytes.`, { expected, received });
}
