type Sums = Readonly<Record<string, number>>;

/** Turns sums that only grow into what was added since they were last looked at. */
export class SentBytesMeter {
  #known: Sums = {};

  /** @returns the bytes of each reason that came since the call before; reasons without are left out. */
  take(now: Sums): Record<string, number> {
    const added: Record<string, number> = {};
    for (const [reason, bytes] of Object.entries(now)) {
      const more = bytes - (this.#known[reason] ?? 0);
      if (more > 0) added[reason] = more;
    }
    this.#known = { ...now };
    return added;
  }
}
