import type { CopyMember } from './copy.member.js';

/** A run whose only holder has not passed it on by then is given once more, milliseconds. */
const RARE_MS = 5000;
/** Sooner, where runs usually come much sooner: after this many times the usual delivery. */
const RARE_SLACK = 6;
const LEAST_RARE_MS = 750;
/** Weight of the newest delivery in the average. */
const NEWEST = 0.1;
/** Who takes so many times as long for a run as others gets no copies that others wait for. */
const SLOW = 3;

/** How quickly what an origin sends comes to be of use. Times are milliseconds. */
export class CopyPace {
  /** From handing a run to the network until the member tells that it has it; 0 while unknown. */
  #deliveryMs = 0;

  /** A member has a run so long after it was handed to the network. */
  delivered(ms: number): void {
    const before = this.#deliveryMs;
    this.#deliveryMs = before === 0 ? ms : before + NEWEST * (ms - before);
  }

  /** After this a run that was sent should be with others than the one it was sent to. */
  get rareMs(): number {
    if (this.#deliveryMs === 0) return RARE_MS;
    return Math.min(RARE_MS, Math.max(LEAST_RARE_MS, RARE_SLACK * this.#deliveryMs));
  }

  /**
   * Those who take in runs, and so pass them on, as quickly as most; everybody when nothing is known. A
   * first copy with a slow machine keeps all others waiting.
   */
  swiftOf(members: readonly CopyMember[], now: number): readonly CopyMember[] {
    let pace = 0;
    for (const { usualMs } of members) if (usualMs > 0) pace += 1 / usualMs;
    if (pace === 0) return members;
    const limit = (SLOW * members.length) / pace;
    const swift = members.filter(
      ({ usualMs, progressAt }) => Math.max(usualMs, (now - progressAt) / SLOW) <= limit,
    );
    return swift.length > 0 ? swift : members;
  }
}
