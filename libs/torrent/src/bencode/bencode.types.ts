/**
 * What bencoded bytes mean. Dictionary keys are byte strings: here each byte is one latin1
 * character, so comparing keys as strings compares them as raw bytes.
 */
export type BencodeValue = number | Buffer | BencodeValue[] | BencodeDict;
export type BencodeDict = Map<string, BencodeValue>;

/** Bytes that are bencode already and go out as they are: an `info` dictionary must not change. */
export class RawBencode {
  constructor(readonly bytes: Uint8Array) {}
}

/** What can be encoded: strings are written as UTF-8; Map keys are latin1 characters, one a byte. */
export type BencodeInput =
  | number
  | string
  | Uint8Array
  | RawBencode
  | readonly BencodeInput[]
  | ReadonlyMap<string, BencodeInput>;
