import {
  bdict,
  bencode,
  type BencodeDict,
  type BencodeInput,
  type BencodeValue,
} from '#lib/torrent';

import { ipFromBytes, ipToBytes, normalizeIp, type HostPort } from '../address/ip-address.js';
import {
  MAX_ANSWER_PEERS,
  decodeCompactPeers,
  encodeCompactPeers,
  type AddressFamily,
} from './compact-peers.js';
import { bytesIn, countIn, decodeAnswer, textIn } from './tracker-answer.decoder.js';
import { answerInvalid } from './tracker.errors.js';

/** What members are told about a peer beyond its address, one byte each on the wire. */
export interface PeerFlags {
  /** Which info-hashes the peer announced: the dialler has to use one it knows. */
  readonly v1: boolean;
  readonly v2: boolean;
  readonly complete: boolean;
  readonly member: boolean;
  readonly origin: boolean;
}

export interface AnsweredPeer extends HostPort {
  /** 20 bytes; only the dictionary form carries it. */
  readonly peerId?: Buffer;
  readonly flags?: PeerFlags;
}

export interface AnnounceAnswer {
  readonly type: 'peers';
  /** Seconds. */
  readonly interval: number;
  readonly minInterval?: number;
  readonly complete?: number;
  readonly incomplete?: number;
  readonly downloaded?: number;
  readonly peers: readonly AnsweredPeer[];
  readonly warning?: string;
  readonly trackerId?: string;
  /** BEP 24: the client's address as the tracker sees it. */
  readonly externalIp?: string;
}

export interface TrackerFailure {
  readonly type: 'failure';
  readonly reason: string;
  /** BEP 31: minutes, or never. */
  readonly retryIn?: number | 'never';
}

export interface AnswerForm {
  readonly compact: boolean;
  readonly noPeerId: boolean;
  /** Adds `fs4` and `fs6`, a flag byte for each peer of `peers` and `peers6`. */
  readonly flags: boolean;
}

const FLAG = { v1: 1, v2: 2, complete: 4, member: 8, origin: 16 } as const;

/** The bencoded answer. Peers whose host is no address literal are left out. */
export function encodeAnnounceAnswer(answer: AnnounceAnswer, form: AnswerForm): Buffer {
  const external = answer.externalIp === undefined ? null : ipToBytes(answer.externalIp);
  if (form.compact) {
    return encodeCompactAnswer({ ...answer, external, ...compactForm(answer.peers, form.flags) });
  }
  return bencode(
    bdict({
      interval: answer.interval,
      'min interval': answer.minInterval,
      complete: answer.complete,
      incomplete: answer.incomplete,
      downloaded: answer.downloaded,
      'warning message': answer.warning,
      'tracker id': answer.trackerId,
      'external ip': external ?? undefined,
      peers: dictForm(answer, form),
    }),
  );
}

/** An answer whose peers are in the compact form already (BEP 23, BEP 7). */
export interface CompactAnswer extends Pick<
  AnnounceAnswer,
  'interval' | 'minInterval' | 'complete' | 'incomplete' | 'downloaded'
> {
  readonly warning?: string | undefined;
  readonly trackerId?: string | undefined;
  /** 4 or 16 bytes. */
  readonly external: Uint8Array | null;
  /** 6 bytes a peer. */
  readonly peers: Uint8Array;
  /** 18 bytes a peer; left out when there is none. */
  readonly peers6: Uint8Array;
  /** {@link peerFlagByte} of each of `peers`, and of `peers6`; null for who does not understand them. */
  readonly fs4: Uint8Array | null;
  readonly fs6: Uint8Array | null;
}

/** Written in one go, in the order of the keys: a tracker does little else. */
export function encodeCompactAnswer(answer: CompactAnswer): Buffer {
  const { complete, downloaded, external, incomplete, interval, minInterval, peers6 } = answer;
  const { fs4, fs6, trackerId, warning } = answer;
  const text =
    numberOf('8:complete', complete) +
    numberOf('10:downloaded', downloaded) +
    bytesOf('11:external ip', external) +
    bytesOf('3:fs4', fs4) +
    bytesOf('3:fs6', peers6.length > 0 ? fs6 : null) +
    numberOf('10:incomplete', incomplete) +
    numberOf('8:interval', interval) +
    numberOf('12:min interval', minInterval) +
    bytesOf('5:peers', answer.peers) +
    bytesOf('6:peers6', peers6.length > 0 ? peers6 : null) +
    bytesOf('10:tracker id', trackerId === undefined ? null : Buffer.from(trackerId)) +
    bytesOf('15:warning message', warning === undefined ? null : Buffer.from(warning));
  return Buffer.from(`d${text}e`, 'latin1');
}

function numberOf(key: string, value: number | undefined): string {
  return value === undefined ? '' : `${key}i${value}e`;
}

function bytesOf(key: string, value: Uint8Array | null): string {
  if (value === null) return '';
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.length);
  return `${key}${bytes.length}:${bytes.toString('latin1')}`;
}

export function encodeTrackerFailure(failure: TrackerFailure): Buffer {
  return bencode(bdict({ 'failure reason': failure.reason, 'retry in': failure.retryIn }));
}

/**
 * Reads either form. Peers with port 0 or a host name are left out: they cannot be dialled, or would
 * let a tracker make its clients look names up.
 * @throws FleetseedError TRACKER_ANSWER_INVALID
 */
export function decodeAnnounceAnswer(bytes: Uint8Array): AnnounceAnswer | TrackerFailure {
  const dict = decodeAnswer(bytes);
  const failure = failureIn(dict);
  if (failure) return failure;
  const interval = countIn(dict, 'interval');
  if (interval === undefined) throw answerInvalid('it has no interval');
  const external = bytesIn(dict, 'external ip');
  return {
    type: 'peers',
    interval,
    ...optional('minInterval', countIn(dict, 'min interval')),
    ...optional('complete', countIn(dict, 'complete')),
    ...optional('incomplete', countIn(dict, 'incomplete')),
    ...optional('downloaded', countIn(dict, 'downloaded')),
    ...optional('warning', textIn(dict, 'warning message')),
    ...optional('trackerId', textIn(dict, 'tracker id')),
    ...(external?.length === 4 || external?.length === 16
      ? { externalIp: ipFromBytes(external) }
      : {}),
    peers: peersIn(dict).filter((peer) => peer.port !== 0),
  };
}

/** The failure an answer tells, or null. */
export function failureIn(dict: BencodeDict): TrackerFailure | null {
  const reason = textIn(dict, 'failure reason');
  if (reason === undefined) return null;
  const retry = dict.get('retry in');
  const minutes = typeof retry === 'number' ? retry : Number(textIn(dict, 'retry in'));
  if (textIn(dict, 'retry in') === 'never') return { type: 'failure', reason, retryIn: 'never' };
  return Number.isSafeInteger(minutes) && minutes > 0
    ? { type: 'failure', reason, retryIn: minutes }
    : { type: 'failure', reason };
}

function compactForm(peers: readonly AnsweredPeer[], flags: boolean) {
  const v4 = peers.filter(({ host }) => ipToBytes(host)?.length === 4);
  const v6 = peers.filter(({ host }) => ipToBytes(host)?.length === 16);
  return {
    peers: encodeCompactPeers(v4, 4),
    peers6: encodeCompactPeers(v6, 6),
    fs4: flags ? Buffer.from(v4.map(flagByte)) : null,
    fs6: flags ? Buffer.from(v6.map(flagByte)) : null,
  };
}

function dictForm(answer: AnnounceAnswer, form: AnswerForm): BencodeInput[] {
  return answer.peers
    .filter(({ host }) => normalizeIp(host) !== null)
    .map((peer) =>
      bdict({
        ip: peer.host,
        port: peer.port,
        'peer id': form.noPeerId ? undefined : peer.peerId,
        fs: form.flags ? flagByte(peer) : undefined,
      }),
    );
}

function peersIn(dict: BencodeDict): AnsweredPeer[] {
  const peers = dict.get('peers');
  const listed = Array.isArray(peers) ? peers.slice(0, MAX_ANSWER_PEERS).flatMap(listedPeer) : [];
  const compact = Buffer.isBuffer(peers) ? compactIn(peers, 4, bytesIn(dict, 'fs4')) : [];
  const peers6 = bytesIn(dict, 'peers6');
  return [...listed, ...compact, ...(peers6 ? compactIn(peers6, 6, bytesIn(dict, 'fs6')) : [])];
}

function compactIn(bytes: Buffer, family: AddressFamily, flags: Buffer | undefined) {
  const peers = decodeCompactPeers(bytes, family);
  if (flags?.length !== peers.length) return peers;
  return peers.map((peer, at): AnsweredPeer => ({ ...peer, flags: flagsOf(flags[at]!) }));
}

function listedPeer(value: BencodeValue): AnsweredPeer[] {
  if (!(value instanceof Map)) return [];
  const host = normalizeIp(textIn(value, 'ip') ?? '');
  const port = countIn(value, 'port');
  const peerId = bytesIn(value, 'peer id');
  const flags = countIn(value, 'fs');
  if (host === null || port === undefined || port > 65_535) return [];
  return [
    {
      host,
      port,
      ...(peerId?.length === 20 ? { peerId: Buffer.from(peerId) } : {}),
      ...(flags === undefined ? {} : { flags: flagsOf(flags) }),
    },
  ];
}

function flagByte({ flags }: AnsweredPeer): number {
  return flags ? peerFlagByte(flags) : 0;
}

/** As members are told it in `fs4` and `fs6`. */
export function peerFlagByte(flags: PeerFlags): number {
  return (
    (flags.v1 ? FLAG.v1 : 0) |
    (flags.v2 ? FLAG.v2 : 0) |
    (flags.complete ? FLAG.complete : 0) |
    (flags.member ? FLAG.member : 0) |
    (flags.origin ? FLAG.origin : 0)
  );
}

function flagsOf(byte: number): PeerFlags {
  return {
    v1: (byte & FLAG.v1) !== 0,
    v2: (byte & FLAG.v2) !== 0,
    complete: (byte & FLAG.complete) !== 0,
    member: (byte & FLAG.member) !== 0,
    origin: (byte & FLAG.origin) !== 0,
  };
}

function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: V });
}
