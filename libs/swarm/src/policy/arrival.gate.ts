/** Hosts that are remembered; whoever is forgotten begins anew. */
const MOST_HOSTS = 4096;

interface Bucket {
  tokens: number;
  at: number;
}

/**
 * How often one host may connect: at first as often as it may have connections twice over, then as often as
 * it may have connections once a second. A peer that comes again and again costs no more than that.
 */
export class ArrivalGate {
  readonly #buckets = new Map<string, Bucket>();

  /** @param perSecond arrivals a second of one host */
  constructor(private readonly perSecond: number) {}

  /** Counts an arrival. @returns false when there are too many. @param now monotonic milliseconds */
  arrives(host: string, now: number): boolean {
    const bucket = this.#bucketOf(host, now);
    const earned = ((now - bucket.at) * this.perSecond) / 1000;
    bucket.tokens = Math.min(2 * this.perSecond, bucket.tokens + earned);
    bucket.at = now;
    if (bucket.tokens < 1) return false;
    bucket.tokens--;
    return true;
  }

  /** Re-inserted, so that who has not come for longest is forgotten first. */
  #bucketOf(host: string, now: number): Bucket {
    const bucket = this.#buckets.get(host) ?? { tokens: 2 * this.perSecond, at: now };
    this.#buckets.delete(host);
    this.#buckets.set(host, bucket);
    if (this.#buckets.size > MOST_HOSTS) {
      this.#buckets.delete(this.#buckets.keys().next().value!);
    }
    return bucket;
  }
}
