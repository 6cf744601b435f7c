import { ipFromBytes, ipToBytes, type HostPort } from '../address/ip-address.js';
import { answerInvalid } from './tracker.errors.js';

/** 4 or 6: which kind of address a compact list holds. */
export type AddressFamily = 4 | 6;

/** Peers read from one answer; more are not believed. */
export const MAX_ANSWER_PEERS = 5000;

/** Address and port of one peer as BEP 23 (6 bytes) or BEP 7 (18 bytes) has it; null for a host name. */
export function compactPeer({ host, port }: HostPort): Buffer | null {
  const address = ipToBytes(host);
  if (!address) return null;
  const bytes = Buffer.allocUnsafe(address.length + 2);
  address.copy(bytes);
  bytes.writeUInt16BE(port, address.length);
  return bytes;
}

/** One compact list; peers that are not of this family are left out. */
export function encodeCompactPeers(peers: readonly HostPort[], family: AddressFamily): Buffer {
  const stride = strideOf(family);
  const parts: Buffer[] = [];
  for (const peer of peers) {
    const bytes = compactPeer(peer);
    if (bytes?.length === stride) parts.push(bytes);
  }
  return Buffer.concat(parts);
}

/**
 * Reads a compact list. Entries with port 0 cannot be dialled but keep their place, so that a parallel
 * list still fits.
 * @throws FleetseedError TRACKER_ANSWER_INVALID
 */
export function decodeCompactPeers(bytes: Uint8Array, family: AddressFamily): HostPort[] {
  const stride = strideOf(family);
  if (bytes.length % stride !== 0) {
    throw answerInvalid('a compact peer list has the wrong length', {
      bytes: bytes.length,
      stride,
    });
  }
  if (bytes.length > MAX_ANSWER_PEERS * stride) {
    throw answerInvalid('too many peers', { most: MAX_ANSWER_PEERS });
  }
  const peers: HostPort[] = [];
  for (let at = 0; at < bytes.length; at += stride) {
    const host = ipFromBytes(bytes.subarray(at, at + stride - 2));
    peers.push({ host, port: bytes[at + stride - 2]! * 256 + bytes[at + stride - 1]! });
  }
  return peers;
}

function strideOf(family: AddressFamily): number {
  return family === 4 ? 6 : 18;
}
