import { wireInvalid } from '../peer/wire.errors.js';
import { decodeRanges, encodeRanges, type IndexRange } from './index-ranges.js';

const KIND = { offer: 0, withdraw: 1, wish: 2 } as const;

/**
 * From an origin to a member: these runs may (or may no longer) be requested from it. From a member to
 * an origin `withdraw` declines offers, and `wish` says that it wants these runs only, the first ones
 * first; a later wish takes the place of the one before.
 */
export interface OfferMessage {
  readonly type: 'offer' | 'withdraw' | 'wish';
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
    case KIND.wish:
      return { type: 'wish', runs: decodeRanges(payload) };
    default:
      throw wireInvalid('fs_offer of an unknown kind', { kind });
  }
}
