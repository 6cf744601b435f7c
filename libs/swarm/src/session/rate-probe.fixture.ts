import { setTimeout as pause } from 'node:timers/promises';

const WINDOW_MS = 2000;
/** A pause of the event loop up to this is made up for, milliseconds. */
const MADE_UP_MS = 60;

interface Sample {
  readonly at: number;
  readonly bytes: number;
}

/** The extremes of all windows of two seconds, as shares of the rate. */
export interface RateWindows {
  readonly most: number;
  /** Time that the machine was busy with something else is not counted. */
  readonly least: number;
}

/** Watches a counter of bytes for so long, and compares each window of two seconds with a rate. */
export async function windowsOf(
  counter: () => number,
  rate: number,
  { afterMs = 1000, forMs = 2400 } = {},
): Promise<RateWindows> {
  await pause(afterMs);
  const samples: Sample[] = [];
  const end = performance.now() + forMs;
  while (performance.now() < end) {
    samples.push({ at: performance.now(), bytes: counter() });
    await pause(10);
  }
  let [most, least] = [0, Infinity];
  for (let first = 0; first < samples.length; first++) {
    const last = samples.findIndex(({ at }) => at - samples[first]!.at >= WINDOW_MS);
    if (last < 0) break;
    const ms = samples[last]!.at - samples[first]!.at;
    const bytes = samples[last]!.bytes - samples[first]!.bytes;
    most = Math.max(most, (bytes * 1000) / (rate * ms));
    const own = ms - busyMs(samples.slice(first, last + 1));
    least = Math.min(least, (bytes * 1000) / (rate * own));
  }
  return { most, least };
}

/** What the event loop was held up by, beyond what is made up for. */
function busyMs(samples: readonly Sample[]): number {
  let ms = 0;
  for (let at = 1; at < samples.length; at++) {
    ms += Math.max(0, samples[at]!.at - samples[at - 1]!.at - MADE_UP_MS);
  }
  return ms;
}
