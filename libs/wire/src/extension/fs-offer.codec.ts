import { wireInvalid } from '../peer/wire.errors.js';
import { decodeRanges, encodeRanges, type IndexRange } from './index-ranges.js';

const KIND = { offer: 0, withdraw: 1 } as const;

/** Sent by an origin to a member: these runs may (or may no longer) be requested from it. */
export interface OfferMessage {
  readonly type: 'offer' | 'withdraw';
  readonly runs: readonly IndexRange[];
}

/** The payload of an extended message with the id that the receiver advertised for `fs_offer`. */
export function encodeOfferMessage(message: OfferMessage): Buffer {
  return encodeRanges(KIND[message.type], message.runs);
}

/** @throws FleetseedError WIRE_INVALID */
export function decodeOfferMessage(payload: Buffer): OfferMessage {
  const kind = payload[0] ?? -1;
  switch (kind) {
    case KIND.offer:
      return { type: 'offer', runs: decodeRanges(payload) };
    case KIND.withdraw:
      return { type: 'withdraw', runs: decodeRanges(payload) };
    default:
      throw wireInvalid('fs_offer of an unknown kind', { kind });
  }
}
