import { RawBencode, type BencodeInput } from './bencode.types.js';

const END = Buffer.from('e');
const LIST_START = Buffer.from('l');
const DICT_START = Buffer.from('d');

/**
 * Bencodes a value canonically: dictionary keys are sorted by their raw bytes (BEP 3).
 *
 * @throws RangeError for a number that is not a safe integer; a mistake of the caller, not of input.
 */
export function bencode(value: BencodeInput): Buffer {
  const parts: Uint8Array[] = [];
  write(value, parts);
  return Buffer.concat(parts);
}

/** A dictionary from an object literal; undefined values are left out. Keys must be ASCII or latin1. */
export function bdict(
  entries: Readonly<Record<string, BencodeInput | undefined>>,
): Map<string, BencodeInput> {
  const dict = new Map<string, BencodeInput>();
  for (const [key, value] of Object.entries(entries)) {
    if (value !== undefined) dict.set(key, value);
  }
  return dict;
}

/** The dictionary key (one latin1 character a byte) of a text in UTF-8. */
export function keyOfText(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

function write(value: BencodeInput, parts: Uint8Array[]): void {
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) throw new RangeError(`Not a safe integer: ${value}`);
    // `-0` is written like any zero: bencode has no negative zero.
    parts.push(Buffer.from(`i${value === 0 ? 0 : value}e`, 'latin1'));
  } else if (typeof value === 'string') {
    writeBytes(Buffer.from(value, 'utf8'), parts);
  } else if (value instanceof Uint8Array) {
    writeBytes(value, parts);
  } else if (value instanceof RawBencode) {
    parts.push(value.bytes);
  } else if (isList(value)) {
    parts.push(LIST_START);
    for (const item of value) write(item, parts);
    parts.push(END);
  } else {
    parts.push(DICT_START);
    for (const key of [...value.keys()].toSorted(compareKeys)) {
      writeBytes(Buffer.from(key, 'latin1'), parts);
      write(value.get(key)!, parts);
    }
    parts.push(END);
  }
}

function isList(
  value: readonly BencodeInput[] | ReadonlyMap<string, BencodeInput>,
): value is readonly BencodeInput[] {
  return Array.isArray(value);
}

function compareKeys(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

function writeBytes(bytes: Uint8Array, parts: Uint8Array[]): void {
  parts.push(Buffer.from(`${bytes.length}:`, 'latin1'), bytes);
}
