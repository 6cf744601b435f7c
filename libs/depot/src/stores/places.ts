import { crc32 } from 'node:zlib';

import { FleetseedError } from '#lib/contracts';

import { assertHash, blobKey } from './layout.js';

/** Where the content of a file lies: `length` bytes from `offset` of an object. */
export interface Place {
  readonly object: string;
  readonly offset: number;
  readonly length: number;
}

/*
 * The document, big-endian:
 *   0  'FSPL'   4  u16 format   6  u16 zero   8  u32 objects   12  u32 places   16  u32 CRC-32 of all else
 *  20  per object: u8 length, key in ASCII
 *      per place, sorted by root: root 32, object u32, offset u48, length u48
 * An object number of 0xffffffff is the file's own blob, whose key follows from the root.
 */
const MAGIC = 0x4653504c;
export const PLACES_FORMAT = 1;
const HEADER = 20;
const RECORD = 48;
const OWN_BLOB = 0xffff_ffff;
const MAX_PLACES = 1_300_000;

/**
 * The places of an artifact's files by their roots, kept as the bytes of the document: 48 bytes a
 * file and nothing else, looked up by binary search.
 */
export class Places {
  private constructor(
    private readonly bytes: Buffer,
    private readonly objects: readonly string[],
    private readonly records: Buffer,
  ) {}

  /** How many files. */
  get size(): number {
    return this.records.length / RECORD;
  }

  /**
   * Several places for one root are one file: the last counts.
   * @throws REQUEST_INVALID for roots or numbers that cannot be, or more than 1.3 million files.
   */
  static of(entries: Iterable<readonly [root: string, place: Place]>): Places {
    const byRoot = new Map(entries);
    if (byRoot.size > MAX_PLACES) {
      throw new FleetseedError('REQUEST_INVALID', 'An artifact has too many files.', {
        files: byRoot.size,
        limit: MAX_PLACES,
      });
    }
    const numbers = new Map<string, number>();
    const records = Buffer.alloc(byRoot.size * RECORD);
    const sorted = [...byRoot].sort(([a], [b]) => (a < b ? -1 : 1));
    sorted.forEach(([root, place], index) => {
      writeRecord(records, index * RECORD, root, numberOf(root, place, numbers), place);
    });
    const names = [...numbers.keys()].map((key) => {
      return Buffer.concat([Buffer.from([checkedKeyLength(key)]), Buffer.from(key, 'latin1')]);
    });
    const body = Buffer.concat([...names, records]);
    return Places.decode(Buffer.concat([headerOf(names.length, byRoot.size, body), body]));
  }

  /** @throws DEPOT_FORMAT_NEWER, DEPOT_CORRUPT */
  static decode(bytes: Buffer): Places {
    if (bytes.length < HEADER || bytes.readUInt32BE(0) !== MAGIC) throw corrupt('no places');
    const format = bytes.readUInt16BE(4);
    if (format > PLACES_FORMAT) {
      throw new FleetseedError(
        'DEPOT_FORMAT_NEWER',
        `A places document has format ${format}; this build knows ${PLACES_FORMAT}.`,
        { found: format, known: PLACES_FORMAT },
      );
    }
    if (checksum(bytes, bytes.subarray(HEADER)) !== bytes.readUInt32BE(16))
      throw corrupt('checksum');
    const { objects, end } = readObjects(bytes, bytes.readUInt32BE(8));
    const records = bytes.subarray(end);
    if (records.length !== bytes.readUInt32BE(12) * RECORD) throw corrupt('length');
    checkRecords(records, objects.length);
    return new Places(bytes, objects, records);
  }

  encode(): Buffer {
    return this.bytes;
  }

  get(root: string): Place | undefined {
    assertHash(root);
    const wanted = Buffer.from(root, 'hex');
    let [low, high] = [0, this.size];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const at = middle * RECORD;
      const order = this.records.compare(wanted, 0, 32, at, at + 32);
      if (order === 0) return this.#placeAt(root, at);
      if (order < 0) low = middle + 1;
      else high = middle;
    }
    return undefined;
  }

  *entries(): Generator<[root: string, place: Place]> {
    for (let at = 0; at < this.records.length; at += RECORD) {
      const root = this.records.toString('hex', at, at + 32);
      yield [root, this.#placeAt(root, at)];
    }
  }

  /** The objects that hold the files: what a collection must not delete. */
  objectKeys(): Set<string> {
    const keys = new Set(this.objects);
    for (const [, place] of this.entries()) keys.add(place.object);
    return keys;
  }

  #placeAt(root: string, at: number): Place {
    const number = this.records.readUInt32BE(at + 32);
    return {
      object: number === OWN_BLOB ? blobKey(root) : this.objects[number]!,
      offset: this.records.readUIntBE(at + 36, 6),
      length: this.records.readUIntBE(at + 42, 6),
    };
  }
}

function numberOf(root: string, place: Place, numbers: Map<string, number>): number {
  if (place.object === blobKey(root)) return OWN_BLOB;
  const known = numbers.get(place.object);
  if (known !== undefined) return known;
  const next = numbers.size;
  numbers.set(place.object, next);
  return next;
}

function writeRecord(
  records: Buffer,
  at: number,
  root: string,
  object: number,
  { offset, length }: Place,
): void {
  for (const number of [offset, length]) {
    if (Number.isInteger(number) && number >= 0 && number < 2 ** 48) continue;
    throw new FleetseedError('REQUEST_INVALID', 'A place is no range of bytes.', {
      offset,
      length,
    });
  }
  records.write(root, at, 32, 'hex');
  records.writeUInt32BE(object, at + 32);
  records.writeUIntBE(offset, at + 36, 6);
  records.writeUIntBE(length, at + 42, 6);
}

function headerOf(objects: number, places: number, body: Buffer): Buffer {
  const header = Buffer.alloc(HEADER);
  header.writeUInt32BE(MAGIC, 0);
  header.writeUInt16BE(PLACES_FORMAT, 4);
  header.writeUInt32BE(objects, 8);
  header.writeUInt32BE(places, 12);
  header.writeUInt32BE(checksum(header, body), 16);
  return header;
}

function checksum(header: Buffer, body: Buffer): number {
  return crc32(body, crc32(header.subarray(0, 16)));
}

function readObjects(bytes: Buffer, count: number): { objects: string[]; end: number } {
  const objects: string[] = [];
  let at = HEADER;
  for (let index = 0; index < count; index++) {
    const length = bytes[at];
    if (length === undefined || at + 1 + length > bytes.length) throw corrupt('objects');
    objects.push(bytes.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { objects, end: at };
}

function checkRecords(records: Buffer, objects: number): void {
  for (let at = 0; at < records.length; at += RECORD) {
    const number = records.readUInt32BE(at + 32);
    if (number !== OWN_BLOB && number >= objects) throw corrupt('object number');
    const sorted =
      at === 0 || records.compare(records, at - RECORD, at - RECORD + 32, at, at + 32) > 0;
    if (!sorted) throw corrupt('order');
  }
}

function checkedKeyLength(key: string): number {
  if (key.length > 0 && key.length <= 255) return key.length;
  throw new FleetseedError('REQUEST_INVALID', 'The key of an object in a place is too long.', {
    length: key.length,
  });
}

function corrupt(what: string): FleetseedError {
  return new FleetseedError('DEPOT_CORRUPT', 'A places document is damaged.', { what });
}
