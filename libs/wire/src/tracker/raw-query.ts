import { requestInvalid } from './tracker.errors.js';

/** Longest query string that is read; a scrape of a hundred hashes is about 7,500. */
export const MAX_QUERY_LENGTH = 16 * 1024;
const MAX_PARAMETERS = 256;

const PERCENT = 0x25;

/**
 * A query string as raw bytes. Trackers put hashes there byte by byte (`%XX`), which is no UTF-8, and
 * `+` means itself: URLSearchParams would spoil both.
 */
export class RawQuery {
  readonly #values = new Map<string, string[]>();

  /**
   * @param text what stands after `?`.
   * @throws FleetseedError REQUEST_INVALID when it is too long.
   */
  constructor(text: string) {
    if (text.length > MAX_QUERY_LENGTH) {
      throw requestInvalid('The query string is too long.', { length: text.length });
    }
    if (text === '') return;
    for (const part of text.split('&', MAX_PARAMETERS)) {
      const equals = part.indexOf('=');
      const name = equals < 0 ? part : part.slice(0, equals);
      const value = equals < 0 ? '' : part.slice(equals + 1);
      const known = this.#values.get(name);
      if (known) known.push(value);
      else this.#values.set(name, [value]);
    }
  }

  /** The first value of a parameter, decoded; undefined when it is not there. */
  bytes(name: string): Buffer | undefined {
    const raw = this.#values.get(name)?.[0];
    return raw === undefined ? undefined : decodePercent(name, raw);
  }

  allBytes(name: string): Buffer[] {
    return (this.#values.get(name) ?? []).map((raw) => decodePercent(name, raw));
  }

  text(name: string): string | undefined {
    const raw = this.#values.get(name)?.[0];
    return raw?.includes('%') === true ? decodePercent(name, raw).toString('utf8') : raw;
  }

  /** A decimal number of at most 2^53 - 1; undefined when it is not there or empty. */
  integer(name: string): number | undefined {
    const text = this.#values.get(name)?.[0];
    if (text === undefined || text === '') return undefined;
    // Some clients send a left or numwant of -1 for "unknown"; that is the same as not sending it.
    if (text === '-1') return undefined;
    if (!/^[0-9]{1,20}$/.test(text)) throw requestInvalid(`${name} is not a number.`, { name });
    return Math.min(Number(text), Number.MAX_SAFE_INTEGER);
  }
}

/** Every byte that is not unreserved (RFC 3986) as `%XX`. */
export function encodePercent(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) {
    const character = String.fromCharCode(byte);
    text += /[A-Za-z0-9._~-]/.test(character)
      ? character
      : `%${byte.toString(16).padStart(2, '0').toUpperCase()}`;
  }
  return text;
}

function decodePercent(name: string, raw: string): Buffer {
  if (!raw.includes('%')) return Buffer.from(raw, 'utf8');
  const source = Buffer.from(raw, 'utf8');
  let length = 0;
  for (let at = 0; at < source.length; at++) {
    if (source[at] !== PERCENT) {
      source[length++] = source[at]!;
      continue;
    }
    const byte = 16 * digitOf(source[at + 1]) + digitOf(source[at + 2]);
    if (byte > 255) {
      throw requestInvalid(`${name} has a % without two hexadecimal digits.`, { name });
    }
    source[length++] = byte;
    at += 2;
  }
  return source.subarray(0, length);
}

/** 256 for what is no hexadecimal digit. */
function digitOf(code: number | undefined): number {
  if (code === undefined) return 256;
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  // Capital letters and small ones.
  const letter = code & ~0x20;
  return letter >= 0x41 && letter <= 0x46 ? letter - 0x37 : 256;
}
