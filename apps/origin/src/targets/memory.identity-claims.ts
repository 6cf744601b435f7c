import {
  CLAIM_HOLD_MS,
  CLAIM_STREAM_MS,
  type IdentityClaim,
  type IdentityClaims,
} from './identity-claims.js';

interface Holder {
  readonly instance: string;
  heldUntil: number;
  /** By replica: until when its stream is believed, ms. */
  readonly streams: Map<string, number>;
}

/** Claims of the replicas inside one process. */
export class MemoryIdentityClaims implements IdentityClaims {
  readonly #holders = new Map<string, Holder>();

  /** @param now ms of one clock */
  constructor(private readonly now: () => number) {}

  async claim({ target, instance, replica, stream, alive }: IdentityClaim): Promise<boolean> {
    const now = this.now();
    const holder = this.#holders.get(target);
    const has = holder?.instance === instance;
    const isHeld = holder !== undefined && !has && isHeldAt(now, holder, alive);
    if (isHeld || (stream === 'closed' && !has)) return false;
    const mine: Holder = has ? holder : { instance, heldUntil: 0, streams: new Map() };
    this.#holders.set(target, mine);
    if (stream === 'open') mine.streams.set(replica, now + CLAIM_STREAM_MS);
    if (stream === 'closed') mine.streams.delete(replica);
    if (stream !== 'closed') mine.heldUntil = now + CLAIM_HOLD_MS;
    else if (!hasStream(now, mine, alive)) mine.heldUntil = now;
    return true;
  }

  /** It is never away. */
  onBack(): () => void {
    return () => undefined;
  }

  close(): void {
    this.#holders.clear();
  }
}

function isHeldAt(now: number, holder: Holder, alive: readonly string[]): boolean {
  return now < holder.heldUntil || hasStream(now, holder, alive);
}

function hasStream(now: number, { streams }: Holder, alive: readonly string[]): boolean {
  return alive.some((replica) => now < (streams.get(replica) ?? 0));
}
