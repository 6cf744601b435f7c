import { FleetseedError, type Upload, type UploadObject } from '#lib/contracts';

/** A stretch of one file's content, the file named by its root (hex). */
export interface PartSegment {
  readonly root: string;
  /** Where in the file the stretch begins, bytes. */
  readonly offset: number;
  readonly length: number;
}

/** One request body: a part of an object of the upload. */
export interface PlannedPart {
  readonly object: string;
  readonly part: number;
  readonly length: number;
  /** Bytes of the object's parts when it has several; null when this is the only one. */
  readonly partBytes: number | null;
  /** Whether it goes to a URL of its own instead of the origin. */
  readonly direct: boolean;
  /** Laid end to end they are the part. */
  readonly segments: readonly PartSegment[];
}

/** The parts that the origin still lacks, object by object, each in order. */
export function* lackingParts(upload: Upload): Generator<PlannedPart> {
  for (const object of upload.objects) yield* lackingPartsOf(object);
}

/** Bytes of all parts that the origin still lacks. */
export function lackingBytes(upload: Upload): number {
  let bytes = 0;
  for (const object of upload.objects) {
    const received = object.received.map((part) => partLength(object, part));
    bytes += received.reduce((left, length) => left - length, object.bytes);
  }
  return bytes;
}

function* lackingPartsOf(object: UploadObject): Generator<PlannedPart> {
  const sum = object.entries.reduce((bytes, entry) => bytes + entry.length, 0);
  if (sum !== object.bytes) {
    const text = `The origin's plan is wrong: object ${object.object} has ${object.bytes} bytes, its entries ${sum}.`;
    throw new FleetseedError('INTERNAL', text);
  }
  const received = new Set(object.received);
  const cursor = new EntryCursor(object);
  for (let part = 0; part * object.partBytes < object.bytes; part++) {
    const length = partLength(object, part);
    const segments = cursor.take(length);
    const partBytes = object.bytes > object.partBytes ? object.partBytes : null;
    if (received.has(part)) continue;
    const direct = object.direct ?? false;
    yield { object: object.object, part, length, partBytes, direct, segments };
  }
}

function partLength({ bytes, partBytes }: UploadObject, part: number): number {
  return Math.max(0, Math.min(partBytes, bytes - part * partBytes));
}

/** Walks along the entries of an object, which are parted without regard to where they end. */
class EntryCursor {
  private index = 0;
  private offset = 0;

  constructor(private readonly object: UploadObject) {}

  take(length: number): PartSegment[] {
    const segments: PartSegment[] = [];
    for (let left = length; left > 0;) {
      const entry = this.object.entries[this.index]!;
      const count = Math.min(left, entry.length - this.offset);
      if (count > 0) segments.push({ root: entry.root, offset: this.offset, length: count });
      left -= count;
      this.offset += count;
      if (this.offset === entry.length) {
        this.index++;
        this.offset = 0;
      }
    }
    return segments;
  }
}
