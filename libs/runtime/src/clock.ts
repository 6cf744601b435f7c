/**
 * Where code that waits or measures gets its time, so that policies can be driven in virtual time.
 *
 * `now` is wall-clock time (milliseconds since the epoch) and may step; `monotonic` never goes back
 * (milliseconds, arbitrary origin) and is the one to measure durations with. `setTimer` calls back
 * once, no earlier than `ms` from now, and returns a function that cancels it; a pending timer does
 * not keep the process alive.
 */
export interface Clock {
  now(): number;
  monotonic(): number;
  setTimer(ms: number, callback: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimer(ms, callback) {
    const timer = setTimeout(callback, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

interface VirtualTimer {
  readonly at: number;
  readonly order: number;
  readonly callback: () => void;
}

/** A clock that moves only when told to: the tests' and the simulator's time. */
export class VirtualClock implements Clock {
  #time: number;
  #order = 0;
  #timers: VirtualTimer[] = [];

  constructor(startMs = 0) {
    this.#time = startMs;
  }

  now(): number {
    return this.#time;
  }

  monotonic(): number {
    return this.#time;
  }

  setTimer(ms: number, callback: () => void): () => void {
    const timer = { at: this.#time + Math.max(0, ms), order: this.#order++, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Moves time forward and runs what falls due on the way, in order of due time. */
  advance(ms: number): void {
    const end = this.#time + ms;
    for (;;) {
      const due = this.#timers
        .filter((timer) => timer.at <= end)
        .sort((a, b) => a.at - b.at || a.order - b.order)[0];
      if (!due) break;
      this.#timers = this.#timers.filter((timer) => timer !== due);
      this.#time = Math.max(this.#time, due.at);
      due.callback();
    }
    this.#time = end;
  }
}
