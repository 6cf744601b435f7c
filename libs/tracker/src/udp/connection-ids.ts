import type { Clock } from '#lib/runtime';

import { readWord, writeWord } from '../store/packed/peer-key.js';
import { SipHash } from './sip-hash.js';
import { RemoteWords, type UdpRemote } from './udp-remote.js';

export type { UdpRemote } from './udp-remote.js';

/** BEP 15: a tracker takes an id until two minutes after it was sent. */
const VALID_SECONDS = 120;
/** Replicas share the secret; the clock of the one that gave the id may be ahead of ours. */
const AHEAD_SECONDS = 5;
const ID_BYTES = 8;
const KEY_BYTES = 16;
/** SipHash wants the length of the message, 22 bytes, on top of its last word, whose lower half is the port. */
const LENGTH = 22 << 24;

/**
 * Connection ids of BEP 15: proof that who asks does get what is sent to its address. Nothing is kept:
 * an id is the low byte of the second it was made in, and 56 bits of a SipHash over that second, the
 * port and the address. The byte says which of the seconds that still count it was, so that one hash
 * checks an id.
 */
export class ConnectionIds {
  readonly #hash: SipHash;
  readonly #message = new Uint32Array(6);
  readonly #words = new RemoteWords();

  /** @param secret 16 bytes or more, the same on all replicas that answer on one address */
  constructor(
    secret: Uint8Array,
    private readonly clock: Clock,
  ) {
    if (secret.length < KEY_BYTES) throw new RangeError('The secret is too short.');
    this.#hash = new SipHash(Uint32Array.from({ length: 4 }, (_, at) => readWord(secret, 4 * at)));
  }

  /** 8 bytes. */
  issue(remote: UdpRemote): Buffer {
    this.#words.set(remote);
    const id = Buffer.alloc(ID_BYTES);
    this.issueInto(this.#words, id, 0);
    return id;
  }

  isValid(id: Buffer, remote: UdpRemote): boolean {
    this.#words.set(remote);
    return id.length === ID_BYTES && this.isValidAt(id, 0, this.#words);
  }

  /** Writes 8 bytes at `at`. */
  issueInto(remote: RemoteWords, out: Uint8Array, at: number): void {
    const seconds = this.#seconds();
    this.#digest(remote, seconds);
    writeWord(out, at, this.#hash.high);
    writeWord(out, at + 4, this.#hash.low);
    out[at] = seconds & 0xff;
  }

  /** Whether the 8 bytes from `at` are an id of this sender. */
  isValidAt(bytes: Uint8Array, at: number, remote: RemoteWords): boolean {
    const now = this.#seconds();
    const behind = (now - bytes[at]!) & 0xff;
    const age = behind > 0xff - AHEAD_SECONDS ? behind - 0x100 : behind;
    if (age > VALID_SECONDS) return false;
    this.#digest(remote, now - age);
    // One number says whether anything differs: the time taken tells nothing of where.
    const high = (readWord(bytes, at) ^ this.#hash.high) & 0x00ff_ffff;
    return (high | (readWord(bytes, at + 4) ^ this.#hash.low)) === 0;
  }

  #digest({ address, port }: RemoteWords, seconds: number): void {
    const message = this.#message;
    for (let word = 0; word < 4; word++) message[word] = address[word]!;
    message[4] = seconds;
    message[5] = LENGTH | port;
    this.#hash.digest(message);
  }

  #seconds(): number {
    return Math.floor(this.clock.now() / 1000);
  }
}
