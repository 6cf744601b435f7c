import { FleetseedError } from '#lib/contracts';

import type { BencodeDict, BencodeValue } from '../bencode/bencode.types.js';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** An error about metainfo that breaks a rule; the sentence names the rule. */
export function invalid(message: string): FleetseedError {
  return new FleetseedError('METAINFO_INVALID', message);
}

/** How texts call a dictionary, for example `info`; made when one is written: a tree has thousands. */
type Place = string | (() => string);

/** Reads fields of a bencoded dictionary; every method throws METAINFO_INVALID for a wrong type. */
export class Fields {
  constructor(
    readonly dict: BencodeDict,
    private readonly place: Place,
  ) {}

  static of(value: BencodeValue | undefined, place: Place): Fields {
    if (!(value instanceof Map)) throw invalid(`${textOf(place)} must be a dictionary.`);
    return new Fields(value, place);
  }

  has(key: string): boolean {
    return this.dict.has(key);
  }

  integer(key: string): number | undefined {
    const value = this.dict.get(key);
    if (value === undefined) return undefined;
    if (typeof value !== 'number') throw this.wrong(key, 'an integer');
    return value;
  }

  bytes(key: string): Buffer | undefined {
    const value = this.dict.get(key);
    if (value === undefined) return undefined;
    if (!Buffer.isBuffer(value)) throw this.wrong(key, 'a byte string');
    return value;
  }

  list(key: string): BencodeValue[] | undefined {
    const value = this.dict.get(key);
    if (value === undefined) return undefined;
    if (!Array.isArray(value)) throw this.wrong(key, 'a list');
    return value;
  }

  /** Nested fields, or undefined when the key is missing. */
  nested(key: string): Fields | undefined {
    const value = this.dict.get(key);
    return value === undefined
      ? undefined
      : Fields.of(value, () => `${key} of ${textOf(this.place)}`);
  }

  wrong(key: string, what: string): FleetseedError {
    return invalid(`${key} of ${textOf(this.place)} must be ${what}.`);
  }
}

function textOf(place: Place): string {
  return typeof place === 'string' ? place : place();
}

/** Text that only informs (comments, URLs); undefined when it is no text. */
export function looseText(value: BencodeValue | undefined): string | undefined {
  if (!Buffer.isBuffer(value)) return undefined;
  try {
    return utf8.decode(value);
  } catch {
    return undefined;
  }
}
