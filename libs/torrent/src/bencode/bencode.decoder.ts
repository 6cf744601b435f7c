import { FleetseedError } from '#lib/contracts';

import type { BencodeDict, BencodeValue } from './bencode.types.js';

export interface BdecodeOptions {
  /** Nested lists and dictionaries; 100 by default, as libtorrent has it. */
  readonly maxDepth?: number;
  /** Length of the input, bytes; 64 MiB by default. */
  readonly maxBytes?: number;
  /** Values of any kind in total; 2,000,000 by default. Bounds memory before it is taken. */
  readonly maxItems?: number;
  /** Refuse dictionaries whose keys are not in order. False by default: v1 torrents in the wild. */
  readonly strictOrder?: boolean;
}

/** A range of the input, bytes; `end` is exclusive. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** Where a value stands in the input. */
export interface LocatedValue extends ByteRange {
  /** Offset of the first key in it that is not in order; null when all are. */
  readonly disorder: number | null;
}

/** A decoded dictionary and where the value of each of its keys stands. */
export interface LocatedDict {
  readonly dict: BencodeDict;
  readonly ranges: ReadonlyMap<string, LocatedValue>;
}

const DEFAULT_MAX_DEPTH = 100;
const DEFAULT_MAX_BYTES = 64 * 1024 * 1024;
const DEFAULT_MAX_ITEMS = 2_000_000;
/** Digits of 2^53 - 1: what is longer is overlong and refused before it is read. */
const MAX_DIGITS = 16;

const COLON = 0x3a;
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;
const D = 0x64;
const E = 0x65;
const I = 0x69;
const L = 0x6c;

/**
 * Decodes strictly (BEP 3): no leading zeros, no `-0`, no integer beyond ±(2^53 − 1), no duplicate
 * keys, no bytes after the value. Byte strings are views of the input, not copies.
 *
 * @throws FleetseedError BENCODE_INVALID with the offset.
 */
export function bdecode(bytes: Uint8Array, options: BdecodeOptions = {}): BencodeValue {
  const { value, consumed } = bdecodePrefix(bytes, options);
  if (consumed !== bytes.length) throw invalid('bytes after the value', consumed);
  return value;
}

/** Decodes the value at the start of the input; what follows is left alone (BEP 9 data messages). */
export function bdecodePrefix(
  bytes: Uint8Array,
  options: BdecodeOptions = {},
): { value: BencodeValue; consumed: number; disorder: number | null } {
  const decoder = new Decoder(bytes, options);
  const value = decoder.value(0);
  return { value, consumed: decoder.offset, disorder: decoder.disorder };
}

/**
 * Decodes a dictionary and tells where the value of each top-level key stands, so that `info` can
 * be hashed as found. The whole input must be that dictionary.
 */
export function bdecodeLocated(bytes: Uint8Array, options: BdecodeOptions = {}): LocatedDict {
  const ranges = new Map<string, LocatedValue>();
  const decoder = new Decoder(bytes, options);
  const dict = decoder.value(0, ranges);
  if (decoder.offset !== bytes.length) throw invalid('bytes after the value', decoder.offset);
  if (!(dict instanceof Map)) throw invalid('a dictionary was expected', 0);
  return { dict, ranges };
}

class Decoder {
  offset = 0;
  /** Where the first key stands that is not in order, if that is allowed. */
  disorder: number | null = null;
  private readonly bytes: Buffer;
  private readonly maxDepth: number;
  private readonly strictOrder: boolean;
  private itemsLeft: number;

  constructor(bytes: Uint8Array, options: BdecodeOptions) {
    const maxBytes = options.maxBytes ?? DEFAULT_MAX_BYTES;
    if (bytes.length > maxBytes) {
      throw invalid(`${bytes.length} bytes are more than the ${maxBytes} allowed`, maxBytes);
    }
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.maxDepth = options.maxDepth ?? DEFAULT_MAX_DEPTH;
    this.strictOrder = options.strictOrder ?? false;
    this.itemsLeft = options.maxItems ?? DEFAULT_MAX_ITEMS;
  }

  /** `depth` counts the containers around this value; it is bounded, so recursion is. */
  value(depth: number, ranges?: Map<string, LocatedValue>): BencodeValue {
    if (this.itemsLeft-- <= 0) throw invalid('too many values', this.offset);
    const type = this.bytes[this.offset];
    if (type === undefined) throw invalid('the input ends where a value was expected', this.offset);
    if (type === I) return this.integer();
    if (type >= ZERO && type <= NINE) return this.byteString();
    if (type !== L && type !== D) throw invalid('no value starts with this byte', this.offset);
    if (depth >= this.maxDepth) throw invalid(`nested deeper than ${this.maxDepth}`, this.offset);
    this.offset++;
    return type === L ? this.list(depth + 1) : this.dict(depth + 1, ranges);
  }

  private list(depth: number): BencodeValue[] {
    const items: BencodeValue[] = [];
    while (this.bytes[this.offset] !== E) items.push(this.value(depth));
    this.offset++;
    return items;
  }

  private dict(depth: number, ranges: Map<string, LocatedValue> | undefined): BencodeDict {
    const dict: BencodeDict = new Map();
    let previous: string | undefined;
    while (this.bytes[this.offset] !== E) {
      const at = this.offset;
      const key = this.key();
      if (dict.has(key)) throw invalid('a key stands twice', at);
      if (previous !== undefined && key < previous) {
        if (this.strictOrder) throw notInOrder(at);
        this.disorder ??= at;
      }
      previous = key;
      if (ranges) ranges.set(key, this.located(dict, key, depth));
      else dict.set(key, this.value(depth));
    }
    this.offset++;
    return dict;
  }

  private located(dict: BencodeDict, key: string, depth: number): LocatedValue {
    const [start, before] = [this.offset, this.disorder];
    this.disorder = null;
    dict.set(key, this.value(depth));
    const { disorder } = this;
    this.disorder = before ?? disorder;
    return { start, end: this.offset, disorder };
  }

  private key(): string {
    const type = this.bytes[this.offset];
    if (type === undefined) throw invalid('the input ends inside a dictionary', this.offset);
    if (type < ZERO || type > NINE) throw invalid('a key must be a byte string', this.offset);
    const start = this.stringStart();
    return this.bytes.toString('latin1', start, this.offset);
  }

  private integer(): number {
    const at = this.offset++;
    const negative = this.bytes[this.offset] === MINUS;
    if (negative) this.offset++;
    const magnitude = this.digits(E, at);
    if (negative && magnitude === 0) throw invalid('negative zero', at);
    return negative ? -magnitude : magnitude;
  }

  private byteString(): Buffer {
    const start = this.stringStart();
    return this.bytes.subarray(start, this.offset);
  }

  /** Reads the length and moves behind the string; returns where the string starts. */
  private stringStart(): number {
    const at = this.offset;
    const length = this.digits(COLON, at);
    const start = this.offset;
    if (length > this.bytes.length - start) throw invalid('a string is longer than the input', at);
    this.offset = start + length;
    return start;
  }

  /** Digits up to and with `terminator`, without leading zeros, at most 2^53 − 1. */
  private digits(terminator: number, at: number): number {
    const first = this.offset;
    let number = 0;
    for (;;) {
      const byte = this.bytes[this.offset];
      if (byte === undefined) throw invalid('the input ends inside a number', at);
      if (byte === terminator) break;
      if (byte < ZERO || byte > NINE) throw invalid('not a digit', this.offset);
      if (this.offset - first >= MAX_DIGITS) throw invalid('an overlong number', at);
      number = number * 10 + (byte - ZERO);
      this.offset++;
    }
    const count = this.offset - first;
    if (count === 0) throw invalid('a number without digits', at);
    if (count > 1 && this.bytes[first] === ZERO) throw invalid('a leading zero', at);
    if (number > Number.MAX_SAFE_INTEGER) throw invalid('an overlong number', at);
    this.offset++;
    return number;
  }
}

/** The error for input whose keys should have been in order. */
export function notInOrder(offset: number): FleetseedError {
  return invalid('keys are not in order', offset);
}

function invalid(what: string, offset: number): FleetseedError {
  return new FleetseedError('BENCODE_INVALID', `Not valid bencode at byte ${offset}: ${what}.`, {
    offset,
  });
}
