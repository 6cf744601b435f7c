import { ipFromBytes, ipToBytes } from '#lib/wire';

import { finishHash, mixWord } from './hash-words.js';

/** IPv4 addresses are kept as IPv4-mapped IPv6. */
const MAPPED = 0xffff;

/** An address, port and peer id as words; one object is filled again and again. */
export class PeerKey {
  /** Four words. */
  readonly address = new Uint32Array(4);
  /** Five words. */
  readonly peerId = new Uint32Array(5);
  port = 0;
  /** Of address and port; of address and peer id where the port is 0. */
  hash = 0;

  constructor(private readonly seed: number) {}

  /** @throws RangeError for what is no address literal */
  setHost(host: string): void {
    if (this.#setDotted(host)) return;
    const bytes = ipToBytes(host);
    if (!bytes) throw new RangeError('A peer is kept by its address literal.');
    if (bytes.length === 4) this.setV4(bytes.readUInt32BE(0));
    else for (let word = 0; word < 4; word++) this.address[word] = bytes.readUInt32BE(4 * word);
  }

  setV4(address: number): void {
    this.address[0] = 0;
    this.address[1] = 0;
    this.address[2] = MAPPED;
    this.address[3] = address;
  }

  setPeerId(bytes: Uint8Array, at: number): void {
    for (let word = 0; word < 5; word++) this.peerId[word] = readWord(bytes, at + 4 * word);
  }

  /** To be called when everything is set. */
  finish(): void {
    const { address, peerId, port } = this;
    let hash = mixWord(this.seed, port);
    for (let word = 0; word < 4; word++) hash = mixWord(hash, address[word]!);
    if (port === 0) for (let word = 0; word < 5; word++) hash = mixWord(hash, peerId[word]!);
    this.hash = finishHash(hash);
  }

  /** The dotted form without an intermediate buffer. @returns false for anything else */
  #setDotted(host: string): boolean {
    if (host.length > 15) return false;
    let address = 0;
    let part = -1;
    let parts = 0;
    for (let at = 0; at < host.length; at++) {
      const code = host.charCodeAt(at);
      if (code === 0x2e && part >= 0) {
        address = (address << 8) | part;
        part = -1;
        parts++;
      } else if (code >= 0x30 && code <= 0x39) {
        part = (part < 0 ? 0 : 10 * part) + code - 0x30;
        if (part > 255) return false;
      } else {
        return false;
      }
    }
    if (parts !== 3 || part < 0) return false;
    this.setV4(((address << 8) | part) >>> 0);
    return true;
  }
}

export function readWord(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
  );
}

export function writeWord(bytes: Uint8Array, at: number, word: number): void {
  bytes[at] = word >>> 24;
  bytes[at + 1] = word >>> 16;
  bytes[at + 2] = word >>> 8;
  bytes[at + 3] = word;
}

export function isMapped(words: Uint32Array, at: number): boolean {
  return words[at] === 0 && words[at + 1] === 0 && words[at + 2] === MAPPED;
}

/** Four words as an address literal. */
export function hostText(words: Uint32Array, at: number): string {
  const bytes = new Uint8Array(16);
  for (let word = 0; word < 4; word++) writeWord(bytes, 4 * word, words[at + word]!);
  return ipFromBytes(bytes);
}
