import type { Clock } from '#lib/runtime';

import { barLine, plainLine } from './progress-line.js';
import { RateMeter } from './rate.meter.js';

/** Where progress is drawn: stderr, or a list in a test. */
export interface ProgressTarget {
  readonly write: (text: string) => void;
  readonly terminal: boolean;
  readonly color: boolean;
  /** Of the terminal at the moment; a window may change its size. */
  readonly columns: () => number;
}

/** A terminal is redrawn this often, a log gets a line this often; milliseconds. */
const REDRAW_MS = 100;
const LOG_MS = 5_000;
const CLEAR_LINE = '\r\u001b[2K';

/**
 * Shows how far one activity is: a bar that is redrawn in place on a terminal, a line every few
 * seconds anywhere else. Call `update` as often as you like.
 */
export class ProgressDisplay {
  private readonly meter: RateMeter;
  private readonly started: number;
  private drawnAt: number;
  private onScreen = false;

  constructor(
    private readonly label: string,
    private readonly target: ProgressTarget,
    private readonly clock: Clock,
  ) {
    this.meter = new RateMeter(clock);
    this.started = clock.monotonic();
    // A log line about what takes a moment only would be noise; a bar appears at once.
    this.drawnAt = target.terminal ? -REDRAW_MS : this.started;
  }

  update(done: number, total: number, detail = ''): void {
    this.meter.note(done);
    const now = this.clock.monotonic();
    if (now - this.drawnAt < (this.target.terminal ? REDRAW_MS : LOG_MS)) return;
    this.drawnAt = now;
    const state = {
      label: this.label,
      done,
      total,
      bytesPerSecond: this.meter.perSecond(done),
      secondsLeft: this.meter.secondsLeft(done, total),
      detail,
    };
    this.onScreen = true;
    if (!this.target.terminal) this.target.write(`${plainLine(state)}\n`);
    else this.target.write(CLEAR_LINE + barLine(state, this.target.columns(), this.target.color));
  }

  /** Takes the bar away and leaves one line that says how it ended. */
  finish(line: string): void {
    this.clear();
    this.target.write(`${line}\n`);
  }

  /** Takes the bar away, so that other text can be written. */
  clear(): void {
    if (this.onScreen && this.target.terminal) this.target.write(CLEAR_LINE);
    this.onScreen = false;
  }

  /** Seconds since it began. */
  get seconds(): number {
    return (this.clock.monotonic() - this.started) / 1000;
  }
}
