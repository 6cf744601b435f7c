import { MESSAGE_ID, type HashRange, type WireMessage } from './message.types.js';
import { wireInvalid } from './wire.errors.js';

const KEEP_ALIVE: WireMessage = { type: 'keepAlive' };
const CHOKE: WireMessage = { type: 'choke' };
const UNCHOKE: WireMessage = { type: 'unchoke' };
const INTERESTED: WireMessage = { type: 'interested' };
const NOT_INTERESTED: WireMessage = { type: 'notInterested' };
const HAVE_ALL: WireMessage = { type: 'haveAll' };
const HAVE_NONE: WireMessage = { type: 'haveNone' };

export { KEEP_ALIVE };

/** Payload bytes (after the id) of the messages whose length is fixed. */
const FIXED_LENGTH: Readonly<Record<number, number>> = {
  [MESSAGE_ID.choke]: 0,
  [MESSAGE_ID.unchoke]: 0,
  [MESSAGE_ID.interested]: 0,
  [MESSAGE_ID.notInterested]: 0,
  [MESSAGE_ID.have]: 4,
  [MESSAGE_ID.request]: 12,
  [MESSAGE_ID.cancel]: 12,
  [MESSAGE_ID.port]: 2,
  [MESSAGE_ID.suggest]: 4,
  [MESSAGE_ID.haveAll]: 0,
  [MESSAGE_ID.haveNone]: 0,
  [MESSAGE_ID.reject]: 12,
  [MESSAGE_ID.allowedFast]: 4,
  [MESSAGE_ID.hashRequest]: 48,
  [MESSAGE_ID.hashReject]: 48,
};

/** True for ids whose message {@link decodeMessage} reads; others are skipped without being kept. */
export function isKnownId(id: number): boolean {
  return (
    id in FIXED_LENGTH ||
    id === MESSAGE_ID.bitfield ||
    id === MESSAGE_ID.extended ||
    id === MESSAGE_ID.hashes
  );
}

/** @throws FleetseedError WIRE_INVALID when a message of this id cannot have this length. */
export function checkPayloadLength(id: number, payloadBytes: number): void {
  const fixed = FIXED_LENGTH[id];
  const wrong =
    (fixed !== undefined && payloadBytes !== fixed) ||
    (id === MESSAGE_ID.extended && payloadBytes < 1) ||
    (id === MESSAGE_ID.hashes && (payloadBytes < 48 || (payloadBytes - 48) % 32 !== 0));
  if (wrong) throw wireInvalid('a message has the wrong length', { id, bytes: payloadBytes });
}

/** Reads a message whose length {@link checkPayloadLength} accepted. Copies what it keeps. */
export function decodeMessage(id: number, payload: Buffer): WireMessage {
  switch (id) {
    case MESSAGE_ID.choke:
      return CHOKE;
    case MESSAGE_ID.unchoke:
      return UNCHOKE;
    case MESSAGE_ID.interested:
      return INTERESTED;
    case MESSAGE_ID.notInterested:
      return NOT_INTERESTED;
    case MESSAGE_ID.haveAll:
      return HAVE_ALL;
    case MESSAGE_ID.haveNone:
      return HAVE_NONE;
    case MESSAGE_ID.have:
      return { type: 'have', piece: payload.readUInt32BE(0) };
    case MESSAGE_ID.suggest:
      return { type: 'suggest', piece: payload.readUInt32BE(0) };
    case MESSAGE_ID.allowedFast:
      return { type: 'allowedFast', piece: payload.readUInt32BE(0) };
    case MESSAGE_ID.request:
      return { type: 'request', ...blockRef(payload) };
    case MESSAGE_ID.cancel:
      return { type: 'cancel', ...blockRef(payload) };
    case MESSAGE_ID.reject:
      return { type: 'reject', ...blockRef(payload) };
    case MESSAGE_ID.port:
      return { type: 'port', port: payload.readUInt16BE(0) };
    case MESSAGE_ID.bitfield:
      return { type: 'bitfield', bits: Buffer.from(payload) };
    case MESSAGE_ID.hashRequest:
      return { type: 'hashRequest', ...hashRange(payload) };
    case MESSAGE_ID.hashReject:
      return { type: 'hashReject', ...hashRange(payload) };
    case MESSAGE_ID.hashes:
      return { type: 'hashes', ...hashRange(payload), hashes: Buffer.from(payload.subarray(48)) };
    case MESSAGE_ID.extended:
      return { type: 'extended', id: payload[0]!, payload: Buffer.from(payload.subarray(1)) };
    default:
      return { type: 'unknown', id };
  }
}

function blockRef(payload: Buffer) {
  return {
    piece: payload.readUInt32BE(0),
    begin: payload.readUInt32BE(4),
    length: payload.readUInt32BE(8),
  };
}

function hashRange(payload: Buffer): HashRange {
  return {
    root: Buffer.from(payload.subarray(0, 32)),
    base: payload.readUInt32BE(32),
    index: payload.readUInt32BE(36),
    length: payload.readUInt32BE(40),
    proofLayers: payload.readUInt32BE(44),
  };
}
