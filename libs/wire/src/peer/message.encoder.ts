import { MESSAGE_ID, type HashRange, type WireMessage } from './message.types.js';

const BARE = {
  choke: bare(MESSAGE_ID.choke),
  unchoke: bare(MESSAGE_ID.unchoke),
  interested: bare(MESSAGE_ID.interested),
  notInterested: bare(MESSAGE_ID.notInterested),
  haveAll: bare(MESSAGE_ID.haveAll),
  haveNone: bare(MESSAGE_ID.haveNone),
} as const;

/** Length prefix, id and what follows, ready for the socket. The caller must not change the bytes. */
export function encodeMessage(message: Exclude<WireMessage, { type: 'unknown' }>): Buffer {
  switch (message.type) {
    case 'keepAlive':
      return Buffer.alloc(4);
    case 'choke':
    case 'unchoke':
    case 'interested':
    case 'notInterested':
    case 'haveAll':
    case 'haveNone':
      return BARE[message.type];
    case 'have':
    case 'suggest':
    case 'allowedFast': {
      const bytes = framed(MESSAGE_ID[message.type], 4);
      bytes.writeUInt32BE(message.piece, 5);
      return bytes;
    }
    case 'request':
    case 'cancel':
    case 'reject': {
      const bytes = framed(MESSAGE_ID[message.type], 12);
      bytes.writeUInt32BE(message.piece, 5);
      bytes.writeUInt32BE(message.begin, 9);
      bytes.writeUInt32BE(message.length, 13);
      return bytes;
    }
    case 'port': {
      const bytes = framed(MESSAGE_ID.port, 2);
      bytes.writeUInt16BE(message.port, 5);
      return bytes;
    }
    case 'bitfield': {
      const bytes = framed(MESSAGE_ID.bitfield, message.bits.length);
      message.bits.copy(bytes, 5);
      return bytes;
    }
    case 'hashRequest':
    case 'hashReject':
      return encodeHashRange(MESSAGE_ID[message.type], message, 0);
    case 'hashes': {
      const bytes = encodeHashRange(MESSAGE_ID.hashes, message, message.hashes.length);
      message.hashes.copy(bytes, 53);
      return bytes;
    }
    case 'extended':
      return extendedMessage(message.id, message.payload);
  }
}

/** An extension message (BEP 10): `id` is what the *receiver* advertised; 0 is the handshake. */
export function extendedMessage(id: number, payload: Uint8Array): Buffer {
  const bytes = framed(MESSAGE_ID.extended, 1 + payload.length);
  bytes.writeUInt8(id, 5);
  bytes.set(payload, 6);
  return bytes;
}

/** The 13 bytes before the block of a `piece` message; the block is written apart, uncopied. */
export function pieceHeader(piece: number, begin: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(13);
  bytes.writeUInt32BE(9 + length, 0);
  bytes.writeUInt8(MESSAGE_ID.piece, 4);
  bytes.writeUInt32BE(piece, 5);
  bytes.writeUInt32BE(begin, 9);
  return bytes;
}

function encodeHashRange(id: number, range: HashRange, extra: number): Buffer {
  if (range.root.length !== 32) throw new RangeError('A pieces root has 32 bytes');
  const bytes = framed(id, 48 + extra);
  range.root.copy(bytes, 5);
  bytes.writeUInt32BE(range.base, 37);
  bytes.writeUInt32BE(range.index, 41);
  bytes.writeUInt32BE(range.length, 45);
  bytes.writeUInt32BE(range.proofLayers, 49);
  return bytes;
}

function bare(id: number): Buffer {
  return framed(id, 0);
}

function framed(id: number, payloadBytes: number): Buffer {
  const bytes = Buffer.allocUnsafe(5 + payloadBytes);
  bytes.writeUInt32BE(1 + payloadBytes, 0);
  bytes.writeUInt8(id, 4);
  return bytes;
}
