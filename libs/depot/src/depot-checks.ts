import { createHash } from 'node:crypto';

import { FleetseedError } from '#lib/contracts';

import type { ByteRange, DepotLimits, ListOptions, PartedObject } from './depot.js';

export const MAX_DOCUMENT_BYTES = 64 * 1024 * 1024;
const DEFAULT_PAGE = 1000;
const MAX_PAGE = 10_000;

/** The range that is meant, by default all of `length` bytes. @throws RANGE_NOT_SATISFIABLE */
export function resolveRange(key: string, range: ByteRange | undefined, length: number): ByteRange {
  if (!range) return { offset: 0, length };
  const whole = Number.isSafeInteger(range.offset) && Number.isSafeInteger(range.length);
  if (whole && range.offset >= 0 && range.length >= 0 && range.offset + range.length <= length) {
    return range;
  }
  throw rangeError(key, range, length);
}

export function rangeError(key: string, range: ByteRange, length: number): FleetseedError {
  return new FleetseedError('RANGE_NOT_SATISFIABLE', 'The object does not have these bytes.', {
    key,
    offset: range.offset,
    wanted: range.length,
    length,
  });
}

export function assertDocumentSize(key: string, bytes: Uint8Array): void {
  if (bytes.length <= MAX_DOCUMENT_BYTES) return;
  throw new FleetseedError('PAYLOAD_TOO_LARGE', 'A document is at most 64 MiB.', {
    key,
    bytes: bytes.length,
  });
}

/** The version of a document is its content's hash. */
export function versionOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('base64url').slice(0, 22);
}

export function pageLimit(options: ListOptions): number {
  return Math.max(1, Math.min(MAX_PAGE, options.limit ?? DEFAULT_PAGE));
}

export function notFound(key: string, cause?: unknown): FleetseedError {
  return new FleetseedError(
    'NOT_FOUND',
    'There is no such object in the depot.',
    { key },
    { cause },
  );
}

export function lengthMismatch(key: string, expected: number, got: number): FleetseedError {
  return new FleetseedError(
    'DEPOT_LENGTH_MISMATCH',
    got > expected
      ? 'More bytes came than were announced.'
      : 'Fewer bytes came than were announced.',
    { key, expected, got },
  );
}

export function uploadGone(parted: PartedObject): FleetseedError {
  return new FleetseedError('UPLOAD_NOT_FOUND', 'These parts were committed or dropped already.', {
    key: parted.key,
  });
}

export function uploadIncomplete(parted: PartedObject, present: number): FleetseedError {
  return new FleetseedError('UPLOAD_INCOMPLETE', 'Parts are lacking.', {
    key: parted.key,
    present,
    wanted: partCount(parted),
  });
}

export function partCount(parted: Pick<PartedObject, 'length' | 'partLength'>): number {
  return Math.ceil(parted.length / parted.partLength);
}

/** Where part `index` lies. @throws PART_INVALID */
export function partRange(parted: PartedObject, index: number): ByteRange {
  if (!Number.isInteger(index) || index < 0 || index >= partCount(parted)) {
    throw new FleetseedError('PART_INVALID', 'There is no part of this index.', {
      key: parted.key,
      index,
      parts: partCount(parted),
    });
  }
  const offset = index * parted.partLength;
  return { offset, length: Math.min(parted.partLength, parted.length - offset) };
}

/** Refuses what `beginParts` cannot hold. @throws REQUEST_INVALID */
export function assertParts(length: number, partLength: number, limits: DepotLimits): void {
  const valid =
    Number.isSafeInteger(length) &&
    Number.isSafeInteger(partLength) &&
    length > 0 &&
    partLength > 0 &&
    partLength <= limits.maxPartLength &&
    (partLength >= limits.minPartLength || length <= partLength) &&
    Math.ceil(length / partLength) <= limits.maxParts;
  if (valid) return;
  throw new FleetseedError('REQUEST_INVALID', 'An object cannot be cut into such parts.', {
    length,
    partLength,
    minPartLength: limits.minPartLength,
    maxPartLength: limits.maxPartLength,
    maxParts: limits.maxParts,
  });
}
