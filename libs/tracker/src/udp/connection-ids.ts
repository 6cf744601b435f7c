import { createHmac, createSecretKey, timingSafeEqual, type KeyObject } from 'node:crypto';

import type { Clock } from '#lib/runtime';

/** Where a datagram came from, as the socket says it. */
export interface UdpRemote {
  readonly address: string;
  readonly port: number;
}

/** BEP 15: a tracker takes an id until two minutes after it was sent. */
const VALID_SECONDS = 120;
/** Replicas share the secret; the clock of the one that gave the id may be ahead of ours. */
const AHEAD_SECONDS = 5;
const ID_BYTES = 8;

/**
 * Connection ids of BEP 15: proof that who asks does get what is sent to its address. Nothing is kept:
 * an id is the low byte of the second it was made in, and 56 bits of an HMAC-SHA256 over that second,
 * the port and the address. The byte says which of the seconds that still count it was, so that one
 * HMAC checks an id.
 */
export class ConnectionIds {
  readonly #secret: KeyObject;

  /** @param secret 32 bytes, the same on all replicas that answer on one address */
  constructor(
    secret: Uint8Array,
    private readonly clock: Clock,
  ) {
    this.#secret = createSecretKey(secret);
  }

  /** 8 bytes. */
  issue(remote: UdpRemote): Buffer {
    return this.#idOf(remote, this.#seconds());
  }

  isValid(id: Buffer, remote: UdpRemote): boolean {
    if (id.length !== ID_BYTES) return false;
    const now = this.#seconds();
    const behind = (now - id[0]!) & 0xff;
    const age = behind > 0xff - AHEAD_SECONDS ? behind - 0x100 : behind;
    return age <= VALID_SECONDS && timingSafeEqual(id, this.#idOf(remote, now - age));
  }

  #idOf({ address, port }: UdpRemote, seconds: number): Buffer {
    // In this order nothing that an address may hold can be taken for one of the numbers.
    const mac = createHmac('sha256', this.#secret).update(`${seconds} ${port} ${address}`).digest();
    mac[0] = seconds & 0xff;
    return mac.subarray(0, ID_BYTES);
  }

  #seconds(): number {
    return Math.floor(this.clock.now() / 1000);
  }
}
