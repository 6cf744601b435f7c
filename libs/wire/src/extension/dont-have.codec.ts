import { wireInvalid } from '../peer/wire.errors.js';

/** The payload of `lt_donthave` (BEP 54): the sender no longer has this piece. */
export function encodeDontHave(piece: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(piece, 0);
  return bytes;
}

/** @throws FleetseedError WIRE_INVALID */
export function decodeDontHave(payload: Buffer): number {
  if (payload.length !== 4) {
    throw wireInvalid('lt_donthave has the wrong length', { bytes: payload.length });
  }
  return payload.readUInt32BE(0);
}
