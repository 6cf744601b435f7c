import type { HostPort } from '../address/ip-address.js';
import { decodeCompactPeers, encodeCompactPeers, type AddressFamily } from './compact-peers.js';
import { answerInvalid } from './tracker.errors.js';
import { UDP_ACTION } from './udp-request.codec.js';

export interface UdpScrapeEntry {
  readonly complete: number;
  readonly downloaded: number;
  readonly incomplete: number;
}

/** Answers of a UDP tracker (BEP 15). */
export type UdpAnswer =
  | { readonly action: 'connect'; readonly transactionId: number; readonly connectionId: Buffer }
  | {
      readonly action: 'announce';
      readonly transactionId: number;
      /** Seconds. */
      readonly interval: number;
      readonly incomplete: number;
      readonly complete: number;
      readonly peers: readonly HostPort[];
    }
  | {
      readonly action: 'scrape';
      readonly transactionId: number;
      /** In the order of the hashes asked for. */
      readonly swarms: readonly UdpScrapeEntry[];
    }
  | { readonly action: 'error'; readonly transactionId: number; readonly message: string };

/** @param family of the socket: it decides which peers can be told, and how. */
export function encodeUdpAnswer(answer: UdpAnswer, family: AddressFamily): Buffer {
  switch (answer.action) {
    case 'connect': {
      const bytes = head(answer, 16);
      answer.connectionId.copy(bytes, 8, 0, 8);
      return bytes;
    }
    case 'announce': {
      const bytes = head(answer, 20);
      bytes.writeUInt32BE(answer.interval, 8);
      bytes.writeUInt32BE(answer.incomplete, 12);
      bytes.writeUInt32BE(answer.complete, 16);
      return Buffer.concat([bytes, encodeCompactPeers(answer.peers, family)]);
    }
    case 'scrape': {
      const bytes = head(answer, 8 + 12 * answer.swarms.length);
      answer.swarms.forEach((swarm, at) => {
        bytes.writeUInt32BE(swarm.complete, 8 + 12 * at);
        bytes.writeUInt32BE(swarm.downloaded, 12 + 12 * at);
        bytes.writeUInt32BE(swarm.incomplete, 16 + 12 * at);
      });
      return bytes;
    }
    case 'error':
      return Buffer.concat([head(answer, 8), Buffer.from(answer.message, 'utf8')]);
  }
}

/**
 * Reads an answer. That its transaction and action are the ones asked for, the caller checks.
 * @throws FleetseedError TRACKER_ANSWER_INVALID
 */
export function decodeUdpAnswer(bytes: Buffer, family: AddressFamily): UdpAnswer {
  if (bytes.length < 8) throw answerInvalid('the datagram is too short', { bytes: bytes.length });
  const transactionId = bytes.readUInt32BE(4);
  const action = bytes.readUInt32BE(0);
  switch (action) {
    case UDP_ACTION.connect:
      atLeast(bytes, 16);
      return {
        action: 'connect',
        transactionId,
        connectionId: Buffer.from(bytes.subarray(8, 16)),
      };
    case UDP_ACTION.announce:
      atLeast(bytes, 20);
      return {
        action: 'announce',
        transactionId,
        interval: bytes.readUInt32BE(8),
        incomplete: bytes.readUInt32BE(12),
        complete: bytes.readUInt32BE(16),
        peers: decodeCompactPeers(bytes.subarray(20), family).filter(({ port }) => port !== 0),
      };
    case UDP_ACTION.scrape:
      return { action: 'scrape', transactionId, swarms: scrapeEntries(bytes) };
    case UDP_ACTION.error:
      return { action: 'error', transactionId, message: bytes.toString('utf8', 8, 1032) };
    default:
      throw answerInvalid('the datagram has an unknown action', { action });
  }
}

function scrapeEntries(bytes: Buffer): UdpScrapeEntry[] {
  if ((bytes.length - 8) % 12 !== 0) throw answerInvalid('a scrape has the wrong length');
  const swarms: UdpScrapeEntry[] = [];
  for (let at = 8; at < bytes.length; at += 12) {
    swarms.push({
      complete: bytes.readUInt32BE(at),
      downloaded: bytes.readUInt32BE(at + 4),
      incomplete: bytes.readUInt32BE(at + 8),
    });
  }
  return swarms;
}

function atLeast(bytes: Buffer, least: number): void {
  if (bytes.length < least) {
    throw answerInvalid('the datagram is too short', { bytes: bytes.length, least });
  }
}

function head(answer: UdpAnswer, bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  buffer.writeUInt32BE(UDP_ACTION[answer.action], 0);
  buffer.writeUInt32BE(answer.transactionId, 4);
  return buffer;
}
