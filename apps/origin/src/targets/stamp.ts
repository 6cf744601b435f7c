import { createHmac, timingSafeEqual } from 'node:crypto';

const MAC_BYTES = 32;
/** Nothing that we stamp is longer; what is longer is not worth an HMAC. */
const MAX_TEXT = 1024;

/**
 * Text that only this depot's replicas can have made: `base64url(payload).base64url(HMAC-SHA256)`.
 * Nothing is remembered for it, so any replica can open what another one stamped. The purpose is
 * part of what is stamped: a stamp for one purpose opens nothing else.
 */
export class Stamp {
  constructor(
    private readonly key: Uint8Array,
    private readonly purpose: string,
  ) {}

  seal(payload: Uint8Array): string {
    return `${Buffer.from(payload).toString('base64url')}.${this.#mac(payload).toString('base64url')}`;
  }

  /** @returns the payload, or null when the text is not one of ours. */
  open(text: string): Buffer | null {
    const dot = text.indexOf('.');
    if (text.length > MAX_TEXT || dot < 0) return null;
    const payload = Buffer.from(text.slice(0, dot), 'base64url');
    const mac = Buffer.from(text.slice(dot + 1), 'base64url');
    return mac.length === MAC_BYTES && timingSafeEqual(mac, this.#mac(payload)) ? payload : null;
  }

  #mac(payload: Uint8Array): Buffer {
    return createHmac('sha256', this.key).update(`${this.purpose}\0`).update(payload).digest();
  }
}
