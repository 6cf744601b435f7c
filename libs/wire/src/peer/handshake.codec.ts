import { wireInvalid } from './wire.errors.js';

export const HANDSHAKE_BYTES = 68;

const PREAMBLE = Buffer.from('\x13BitTorrent protocol', 'latin1');
const RESERVED_AT = 20;
const INFO_HASH_AT = 28;
const PEER_ID_AT = 48;

const EXTENSIONS = { byte: 5, bit: 0x10 };
const FAST = { byte: 7, bit: 0x04 };
const V2_UPGRADE = { byte: 7, bit: 0x10 };

/** The first 68 bytes of a connection (BEP 3), with the reserved bits we know. */
export interface Handshake {
  /** 20 bytes: the v1 hash, or the v2 hash truncated. */
  readonly infoHash: Buffer;
  readonly peerId: Buffer;
  /** BEP 6. */
  readonly fast: boolean;
  /** BEP 10. */
  readonly extensions: boolean;
  /** BEP 52: sent with a v1 hash by who also speaks v2 of this hybrid torrent. */
  readonly v2Upgrade: boolean;
}

export function encodeHandshake(handshake: Handshake): Buffer {
  const bytes = Buffer.alloc(HANDSHAKE_BYTES);
  PREAMBLE.copy(bytes);
  const set = (flag: { byte: number; bit: number }, on: boolean) => {
    if (on) bytes[RESERVED_AT + flag.byte]! |= flag.bit;
  };
  set(EXTENSIONS, handshake.extensions);
  set(FAST, handshake.fast);
  set(V2_UPGRADE, handshake.v2Upgrade);
  copyExactly(handshake.infoHash, bytes, INFO_HASH_AT, 'info-hash');
  copyExactly(handshake.peerId, bytes, PEER_ID_AT, 'peer id');
  return bytes;
}

function copyExactly(source: Buffer, target: Buffer, at: number, what: string): void {
  if (source.length !== 20) throw new RangeError(`A ${what} has 20 bytes, not ${source.length}`);
  source.copy(target, at);
}

/** @throws FleetseedError WIRE_INVALID unless these are the 68 bytes of a handshake. */
export function decodeHandshake(bytes: Uint8Array): Handshake {
  if (bytes.length !== HANDSHAKE_BYTES || !isHandshakePrefix(bytes)) {
    throw wireInvalid('this is not a BitTorrent handshake');
  }
  const has = ({ byte, bit }: { byte: number; bit: number }) =>
    (bytes[RESERVED_AT + byte]! & bit) !== 0;
  return {
    infoHash: Buffer.from(bytes.subarray(INFO_HASH_AT, PEER_ID_AT)),
    peerId: Buffer.from(bytes.subarray(PEER_ID_AT)),
    fast: has(FAST),
    extensions: has(EXTENSIONS),
    v2Upgrade: has(V2_UPGRADE),
  };
}

/** False as soon as the first bytes of a connection cannot become a handshake. */
export function isHandshakePrefix(bytes: Uint8Array): boolean {
  const known = Math.min(bytes.length, PREAMBLE.length);
  return PREAMBLE.compare(bytes, 0, known, 0, known) === 0;
}

/**
 * Collects the handshake from a byte stream. A stream that starts otherwise is refused at its first
 * wrong byte, so that a port scanner does not hold its place until the time-out.
 */
export class HandshakeReader {
  readonly #bytes = Buffer.alloc(HANDSHAKE_BYTES);
  #filled = 0;

  /**
   * @returns null while bytes are missing; then the handshake and how many bytes of this chunk it took.
   * @throws FleetseedError WIRE_INVALID
   */
  push(chunk: Uint8Array): { readonly handshake: Handshake; readonly consumed: number } | null {
    const taken = Math.min(chunk.length, HANDSHAKE_BYTES - this.#filled);
    this.#bytes.set(chunk.subarray(0, taken), this.#filled);
    this.#filled += taken;
    if (!isHandshakePrefix(this.#bytes.subarray(0, this.#filled))) {
      throw wireInvalid('this is not a BitTorrent handshake');
    }
    if (this.#filled < HANDSHAKE_BYTES) return null;
    return { handshake: decodeHandshake(this.#bytes), consumed: taken };
  }
}
