import type { Standing } from '../candidate-flags.js';
import type { PeerKind, PeerRecord, PeerState } from '../peer-store.js';

const KIND = { origin: 'o', member: 'm', stranger: 's' } as const;
const STATE = { complete: 'c', downloading: 'd', paused: 'p' } as const;
const KINDS: Readonly<Record<string, PeerKind>> = { o: 'origin', m: 'member', s: 'stranger' };
const STATES: Readonly<Record<string, PeerState>> = {
  c: 'complete',
  d: 'downloading',
  p: 'paused',
};
/** Kind, rank, state and marks, then the peer id in base64url. */
const PEER_ID_AT = 4;
const LABELS_AT = PEER_ID_AT + 27;

/** By what a peer is known within its swarm. */
export function memberOf({ host, port, peerId }: PeerRecord): string {
  return port === 0 ? `${host} 0 ${peerId.toString('base64url')}` : `${host} ${port}`;
}

/** A record as the scripts have it: what stands where is told there. */
export function encodeRecord(peer: PeerRecord): string {
  const { kind, state, caller, peerId, zone, rack, v1, v2 } = peer;
  const rank = kind === 'stranger' ? (caller === '' ? 0 : 1) : 2;
  const marks = (v1 ? 1 : 0) + (v2 ? 2 : 0);
  const labels = [zone, rack, caller].map(plain).join('\0');
  return `${KIND[kind]}${rank}${STATE[state]}${marks}${peerId.toString('base64url')}${labels}`;
}

/** A label without what stands between parts of a text. */
export function plain(label: string): string {
  return label.replaceAll('\0', '').replaceAll('\u0001', '');
}

export const peerIdText = ({ peerId }: PeerRecord): string => peerId.toString('base64url');

/** What the first part of a record says, up to the zone; `rack` is the second part. */
export function standingOf(head: string, rack: string): Standing & { readonly peerId: string } {
  const marks = Number(head[3]);
  return {
    kind: KINDS[head[0]!]!,
    state: STATES[head[2]!]!,
    zone: head.slice(LABELS_AT),
    rack,
    v1: (marks & 1) !== 0,
    v2: (marks & 2) !== 0,
    peerId: head.slice(PEER_ID_AT, LABELS_AT),
  };
}

/** @param expiresAt as the clock of this process has it. */
export function decodeRecord(member: string, record: string, expiresAt: number): PeerRecord {
  const [host = '', port = '0'] = member.split(' ', 2);
  const [zone = '', rack = '', caller = ''] = record.slice(LABELS_AT).split('\0');
  const marks = Number(record[3]);
  return {
    host,
    port: Number(port),
    peerId: Buffer.from(record.slice(PEER_ID_AT, LABELS_AT), 'base64url'),
    kind: KINDS[record[0]!]!,
    state: STATES[record[2]!]!,
    caller,
    zone,
    rack,
    v1: (marks & 1) !== 0,
    v2: (marks & 2) !== 0,
    expiresAt,
  };
}
