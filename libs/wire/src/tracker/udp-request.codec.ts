import type { AnnounceEvent } from './announce-query.js';

/** Actions of BEP 15. */
export const UDP_ACTION = { connect: 0, announce: 1, scrape: 2, error: 3 } as const;

export const UDP_CONNECT_BYTES = 16;
export const UDP_ANNOUNCE_BYTES = 98;
/** As many hashes as fit the smallest MTU that matters. */
export const UDP_MAX_SCRAPE = 74;

const MAGIC_HIGH = 0x0000_0417;
const MAGIC_LOW = 0x2710_1980;
const EVENTS: readonly AnnounceEvent[] = ['none', 'completed', 'started', 'stopped', 'paused'];
const OPTION = { end: 0, nop: 1, urlData: 2 } as const;

export interface UdpConnect {
  readonly action: 'connect';
  readonly transactionId: number;
}

export interface UdpAnnounce {
  readonly action: 'announce';
  /** 8 opaque bytes from the tracker. */
  readonly connectionId: Buffer;
  readonly transactionId: number;
  readonly infoHash: Buffer;
  readonly peerId: Buffer;
  readonly downloaded: number;
  readonly left: number;
  readonly uploaded: number;
  readonly event: AnnounceEvent;
  /** IPv4 address the client claims, 0 for its socket's. A tracker must not believe it. */
  readonly ip: number;
  readonly key: number;
  /** Null for -1: as many as the tracker likes. */
  readonly numWant: number | null;
  readonly port: number;
  /** BEP 41: path and query of the tracker's URL, `''` when none was sent. */
  readonly urlData: string;
}

export interface UdpScrape {
  readonly action: 'scrape';
  readonly connectionId: Buffer;
  readonly transactionId: number;
  readonly infoHashes: readonly Buffer[];
}

export type UdpRequest = UdpConnect | UdpAnnounce | UdpScrape;

/**
 * Reads a datagram sent to a tracker; null when it is none. A tracker drops those in silence: an
 * answer to a forged sender would be a gift to whoever forged it. Buffers are views of `bytes`.
 */
export function decodeUdpRequest(bytes: Buffer): UdpRequest | null {
  if (bytes.length < UDP_CONNECT_BYTES) return null;
  const transactionId = bytes.readUInt32BE(12);
  switch (bytes.readUInt32BE(8)) {
    case UDP_ACTION.connect:
      return isUdpConnect(bytes, 0) ? { action: 'connect', transactionId } : null;
    case UDP_ACTION.announce:
      return bytes.length < UDP_ANNOUNCE_BYTES ? null : decodeAnnounce(bytes, transactionId);
    case UDP_ACTION.scrape:
      return decodeScrape(bytes, transactionId);
    default:
      return null;
  }
}

/** Whether the 16 bytes from `at`, whose action is to connect, begin with the magic number of BEP 15. */
export function isUdpConnect(bytes: Uint8Array, at: number): boolean {
  const high = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
  const low =
    (bytes[at + 4]! << 24) | (bytes[at + 5]! << 16) | (bytes[at + 6]! << 8) | bytes[at + 7]!;
  return high === MAGIC_HIGH && low === MAGIC_LOW;
}

export function encodeUdpRequest(request: UdpRequest): Buffer {
  switch (request.action) {
    case 'connect': {
      const bytes = Buffer.alloc(UDP_CONNECT_BYTES);
      bytes.writeUInt32BE(MAGIC_HIGH, 0);
      bytes.writeUInt32BE(MAGIC_LOW, 4);
      bytes.writeUInt32BE(request.transactionId, 12);
      return bytes;
    }
    case 'announce':
      return encodeAnnounce(request);
    case 'scrape': {
      if (request.infoHashes.length > UDP_MAX_SCRAPE) throw new RangeError('Too many hashes');
      const head = Buffer.alloc(16);
      request.connectionId.copy(head, 0, 0, 8);
      head.writeUInt32BE(UDP_ACTION.scrape, 8);
      head.writeUInt32BE(request.transactionId, 12);
      return Buffer.concat([head, ...request.infoHashes]);
    }
  }
}

function decodeAnnounce(bytes: Buffer, transactionId: number): UdpAnnounce | null {
  const event = EVENTS[bytes.readUInt32BE(80)];
  const numWant = bytes.readInt32BE(92);
  if (event === undefined) return null;
  return {
    action: 'announce',
    connectionId: bytes.subarray(0, 8),
    transactionId,
    infoHash: bytes.subarray(16, 36),
    peerId: bytes.subarray(36, 56),
    downloaded: readCount(bytes, 56),
    left: readCount(bytes, 64),
    uploaded: readCount(bytes, 72),
    event,
    ip: bytes.readUInt32BE(84),
    key: bytes.readUInt32BE(88),
    numWant: numWant < 0 ? null : numWant,
    port: bytes.readUInt16BE(96),
    urlData: readUrlData(bytes),
  };
}

function decodeScrape(bytes: Buffer, transactionId: number): UdpScrape | null {
  const hashBytes = bytes.length - 16;
  if (hashBytes === 0 || hashBytes % 20 !== 0 || hashBytes > UDP_MAX_SCRAPE * 20) return null;
  const infoHashes: Buffer[] = [];
  for (let at = 16; at < bytes.length; at += 20) infoHashes.push(bytes.subarray(at, at + 20));
  return { action: 'scrape', connectionId: bytes.subarray(0, 8), transactionId, infoHashes };
}

function encodeAnnounce(request: UdpAnnounce): Buffer {
  const url = Buffer.from(request.urlData, 'latin1');
  const bytes = Buffer.alloc(UDP_ANNOUNCE_BYTES);
  request.connectionId.copy(bytes, 0, 0, 8);
  bytes.writeUInt32BE(UDP_ACTION.announce, 8);
  bytes.writeUInt32BE(request.transactionId, 12);
  request.infoHash.copy(bytes, 16, 0, 20);
  request.peerId.copy(bytes, 36, 0, 20);
  bytes.writeBigUInt64BE(BigInt(request.downloaded), 56);
  bytes.writeBigUInt64BE(BigInt(request.left), 64);
  bytes.writeBigUInt64BE(BigInt(request.uploaded), 72);
  bytes.writeUInt32BE(EVENTS.indexOf(request.event), 80);
  bytes.writeUInt32BE(request.ip, 84);
  bytes.writeUInt32BE(request.key, 88);
  bytes.writeInt32BE(request.numWant ?? -1, 92);
  bytes.writeUInt16BE(request.port, 96);
  const options: Buffer[] = [];
  for (let at = 0; at < url.length; at += 255) {
    const part = url.subarray(at, at + 255);
    options.push(Buffer.from([OPTION.urlData, part.length]), part);
  }
  return Buffer.concat([bytes, ...options]);
}

/** BEP 41: URLData options joined; broken options end the reading, as the announce itself is whole. */
function readUrlData(bytes: Buffer): string {
  let at = UDP_ANNOUNCE_BYTES;
  let text = '';
  while (at < bytes.length) {
    const option = bytes[at++];
    if (option === OPTION.end) break;
    if (option === OPTION.nop) continue;
    const length = bytes[at++];
    if (length === undefined || at + length > bytes.length) break;
    if (option === OPTION.urlData) text += bytes.toString('latin1', at, at + length);
    at += length;
  }
  return text;
}

/** A u64 byte count; what is beyond 2^53 - 1 counts as that. */
function readCount(bytes: Buffer, at: number): number {
  const count = bytes.readUInt32BE(at) * 0x1_0000_0000 + bytes.readUInt32BE(at + 4);
  return Math.min(count, Number.MAX_SAFE_INTEGER);
}
