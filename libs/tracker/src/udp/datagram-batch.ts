import type { RemoteWords } from './udp-remote.js';

/** Datagrams in one system call. */
export const BATCH = 64;
/** Bytes for each; those of a longer datagram than any request are cut off, which shows in its length. */
const ROOM = 2112;
/** `struct mmsghdr`, `struct iovec` and `struct sockaddr_in6` of 64 bit Linux, in bytes. */
const HEAD = 64;
const VECTOR = 16;
const NAME = 28;
const NAME_WORDS = NAME / 4;
/** Bytes of a `struct sockaddr_in`, of which the last half is empty. */
const NAME_V4 = 16;
/** Places in a head, in words of 4 bytes. */
const NAME_LENGTH = 2;
const LENGTH = 14;
const AF_INET = 2;
const AF_INET6 = 10;

/** Memory that the system's calls for many datagrams read and write: see recvmmsg(2). */
export class DatagramBatch {
  readonly bytes = new Uint8Array(BATCH * ROOM);
  readonly heads = Buffer.alloc(BATCH * HEAD);
  readonly #names = Buffer.alloc(BATCH * NAME);
  readonly #nameWords = new Uint32Array(
    this.#names.buffer,
    this.#names.byteOffset,
    BATCH * NAME_WORDS,
  );
  readonly #vectors = Buffer.alloc(BATCH * VECTOR);
  readonly #headWords = new Uint32Array(this.heads.buffer, this.heads.byteOffset, BATCH * 16);
  readonly #vectorWords = new Uint32Array(
    this.#vectors.buffer,
    this.#vectors.byteOffset,
    BATCH * 4,
  );

  constructor(pointerTo: (bytes: Uint8Array) => bigint) {
    const [bytes, names, vectors] = [this.bytes, this.#names, this.#vectors].map(pointerTo);
    for (let at = 0; at < BATCH; at++) {
      const nth = BigInt(at);
      this.#vectors.writeBigUInt64LE(bytes! + nth * BigInt(ROOM), at * VECTOR);
      this.#vectors.writeBigUInt64LE(BigInt(ROOM), at * VECTOR + 8);
      this.heads.writeBigUInt64LE(names! + nth * BigInt(NAME), at * HEAD);
      this.heads.writeBigUInt64LE(vectors! + nth * BigInt(VECTOR), at * HEAD + 16);
      this.heads.writeBigUInt64LE(1n, at * HEAD + 24);
      this.#headWords[at * 16 + NAME_LENGTH] = NAME;
    }
  }

  /** Where the bytes of the nth datagram are. */
  offsetOf(nth: number): number {
    return nth * ROOM;
  }

  /** How many bytes of the nth came. */
  lengthOf(nth: number): number {
    return this.#headWords[nth * 16 + LENGTH]!;
  }

  /** Who sent the nth. */
  readSender(nth: number, remote: RemoteWords): void {
    const at = nth * NAME;
    const names = this.#names;
    remote.port = names[at + 2]! * 256 + names[at + 3]!;
    if (names[at] === AF_INET6) remote.setV6(names, at + 8);
    else remote.setV4(names, at + 4);
    // The system wrote how long the address is; for the next one it has to be told how much room there is.
    this.#headWords[nth * 16 + NAME_LENGTH] = NAME;
  }

  /** Says how long the nth is, and that it goes to who sent the `from`th of another batch. */
  address(nth: number, length: number, received: DatagramBatch, from: number): void {
    const isV6 = received.#names[from * NAME] === AF_INET6;
    const words = isV6 ? NAME_WORDS : NAME_V4 / 4;
    for (let word = 0; word < words; word++) {
      this.#nameWords[nth * NAME_WORDS + word] = received.#nameWords[from * NAME_WORDS + word]!;
    }
    this.#headWords[nth * 16 + NAME_LENGTH] = isV6 ? NAME : NAME_V4;
    this.#vectorWords[nth * 4 + 2] = length;
  }

  /** The same, to an address that came otherwise, from a socket of IPv6 or of IPv4. */
  addressTo(nth: number, length: number, { address, port }: RemoteWords, isV6: boolean): void {
    const at = nth * NAME;
    const names = this.#names;
    names.fill(0, at, at + NAME);
    names.writeUInt16LE(isV6 ? AF_INET6 : AF_INET, at);
    names.writeUInt16BE(port, at + 2);
    if (!isV6) names.writeUInt32BE(address[3]!, at + 4);
    else
      for (let word = 0; word < 4; word++) names.writeUInt32BE(address[word]!, at + 8 + 4 * word);
    this.#headWords[nth * 16 + NAME_LENGTH] = isV6 ? NAME : NAME_V4;
    this.#vectorWords[nth * 4 + 2] = length;
  }
}

/** Bytes from the head of one datagram to that of the next. */
export const HEAD_BYTES = HEAD;
