import { RawBencode, type BencodeInput } from './bencode.types.js';

const COLON = 0x3a;
const D = 0x64;
const E = 0x65;
const I = 0x69;
const L = 0x6c;
const FIRST_CAPACITY = 256;
/** Characters of a text that are written here sooner than Node is called to do it. */
const SHORT = 64;

/**
 * Bencodes a value canonically: dictionary keys are sorted by their raw bytes (BEP 3).
 *
 * @throws RangeError for a number that is not a safe integer; a mistake of the caller, not of input.
 */
export function bencode(value: BencodeInput): Buffer {
  const writer = new Writer();
  writer.value(value);
  return writer.finish();
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
  return isAscii(text) ? text : Buffer.from(text, 'utf8').toString('latin1');
}

export function isAscii(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 0x7f) return false;
  return true;
}

/** Writes into one growing buffer: a tree of 20,000 files has some 200,000 parts. */
class Writer {
  private bytes = Buffer.allocUnsafe(FIRST_CAPACITY);
  private used = 0;

  value(value: BencodeInput): void {
    if (typeof value === 'number') {
      this.integer(value);
    } else if (typeof value === 'string') {
      this.text(value, 'utf8');
    } else if (value instanceof Uint8Array) {
      this.length(value.length);
      this.raw(value);
    } else if (value instanceof RawBencode) {
      this.raw(value.bytes);
    } else if (isList(value)) {
      this.byte(L);
      for (const item of value) this.value(item);
      this.byte(E);
    } else {
      this.dict(value);
    }
  }

  /** A copy of the right size: what was grown beyond is let go. */
  finish(): Buffer {
    return Buffer.from(this.bytes.subarray(0, this.used));
  }

  private integer(value: number): void {
    if (!Number.isSafeInteger(value)) throw new RangeError(`Not a safe integer: ${value}`);
    this.byte(I);
    // `-0` is written like any zero: bencode has no negative zero.
    this.ascii(String(value === 0 ? 0 : value));
    this.byte(E);
  }

  private dict(dict: ReadonlyMap<string, BencodeInput>): void {
    this.byte(D);
    const entries = isInOrder(dict) ? dict : [...dict].sort(([one], [two]) => (one < two ? -1 : 1));
    for (const [key, value] of entries) {
      this.text(key, 'latin1');
      this.value(value);
    }
    this.byte(E);
  }

  private text(text: string, encoding: 'utf8' | 'latin1'): void {
    if (text.length <= SHORT && isAscii(text)) {
      this.length(text.length);
      this.ascii(text);
      return;
    }
    const length = Buffer.byteLength(text, encoding);
    this.length(length);
    this.reserve(length);
    this.used += this.bytes.write(text, this.used, encoding);
  }

  private length(length: number): void {
    this.ascii(String(length));
    this.byte(COLON);
  }

  private ascii(text: string): void {
    this.reserve(text.length);
    for (let at = 0; at < text.length; at++) this.bytes[this.used++] = text.charCodeAt(at);
  }

  private raw(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.used);
    this.used += bytes.length;
  }

  private byte(byte: number): void {
    this.reserve(1);
    this.bytes[this.used++] = byte;
  }

  private reserve(more: number): void {
    if (this.used + more <= this.bytes.length) return;
    const wider = Buffer.allocUnsafe(Math.max(this.bytes.length * 2, this.used + more));
    this.bytes.copy(wider, 0, 0, this.used);
    this.bytes = wider;
  }
}

function isList(
  value: readonly BencodeInput[] | ReadonlyMap<string, BencodeInput>,
): value is readonly BencodeInput[] {
  return Array.isArray(value);
}

/** As nearly all are: those that write large ones walk through sorted files. */
function isInOrder(dict: ReadonlyMap<string, BencodeInput>): boolean {
  let last = '';
  for (const key of dict.keys()) {
    if (key < last) return false;
    last = key;
  }
  return true;
}
