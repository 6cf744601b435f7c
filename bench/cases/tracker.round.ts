import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

import type { StartedTracker, TrackerContestant } from '../contestants/tracker.types.ts';
import {
  buildLoad,
  fill,
  hashesOf,
  inSwarms,
  load,
  type LoadResult,
  type Shape,
} from '../load/announce-load.ts';
import { residentNow, usageOf } from '../measure/process-tree.ts';
import { Host } from '../net/host.ts';
import { undoAtExit } from '../net/undo.ts';
import type { Tell } from './case.types.ts';
import { TMPFS } from './stage.ts';

/** A latency is only one where the tracker is not drowned. */
export const CALM_RATE = 20_000;
/** How long announces go on while those who announced first are given up. */
const EXPIRY_SECONDS = 30;
const MINUTE_MS = 60_000;
const MICRO = 1e6;
const MIB = 1024 * 1024;

/** A shape, and who is measured in it. */
export interface Course extends Shape {
  readonly trackers?: readonly TrackerContestant[];
  /** Announces a second at which latencies are taken. */
  readonly calmRate?: number;
}

/** What a round is to do. */
export interface RoundOptions {
  readonly seconds: number;
  /** Minutes from its begin after which it looks how peers are given up; null when it does not. */
  readonly expiryMinutes: number | null;
}

/** What was seen in one phase. */
export interface Phase extends LoadResult {
  /** How long the tracker's event loop stood still at most, ms; null where it cannot tell. */
  readonly pause: number | null;
}

/** What one round saw of one tracker. */
export interface Round {
  readonly filled: Phase;
  readonly full: Phase;
  readonly calm: Phase;
  readonly expiring: Phase | null;
  /** Bytes, after the calm phase. */
  readonly rss: number;
  /** For each announce at full speed: user and system, in microseconds. */
  readonly cpu: number;
}

/** One tracker in one shape: filled, at full speed, with announces at a rate that it can bear. */
export async function runRound(
  tracker: TrackerContestant,
  course: Course,
  { seconds, expiryMinutes }: RoundOptions,
  tell: Tell,
): Promise<Round> {
  const folder = mkdtempSync(join(TMPFS, 'fleetseed-bench-'));
  const remove = undoAtExit(() => rmSync(folder, { recursive: true, force: true }));
  const host = new Host('tracker', '10.255.255.1');
  host.ip('address', 'add', `${host.address}/32`, 'dev', 'lo');
  // Every address of this network is one of the generator's.
  host.ip('route', 'add', 'local', '10.0.0.0/8', 'dev', 'lo');
  try {
    const generator = buildLoad(folder);
    const own = join(folder, 'tracker');
    mkdirSync(own);
    const started = await tracker.start(host, own, hashesOf(generator, course));
    const { programs, swarms } = started;
    const shape = swarms ? inSwarms(course, swarms, folder) : course;
    const cpuNow = () => sumOf(programs.map(({ pid }) => usageOf(pid).cpuSeconds));
    const at = (seconds: number, rate: number | null) => () =>
      load(host, generator, host.address, shape, seconds, rate);
    const calmRate = course.calmRate ?? CALM_RATE;
    const begun = performance.now();
    const filled = await inPhase(started, () => fill(host, generator, host.address, shape));
    const before = cpuNow();
    const full = await inPhase(started, at(seconds, null));
    const cpu = ((cpuNow() - before) * MICRO) / full.answered;
    const calm = await inPhase(started, at(seconds, calmRate));
    const rss = sumOf(programs.map(({ pid }) => residentNow(pid)));
    tell(`  ${tracker.name}, ${shape.title}: filled ${said(filled)}, then ${said(full)}`);
    tell(`    at a fixed rate ${said(calm)}; ${(rss / MIB).toFixed(0)} MiB`);
    let expiring: Phase | null = null;
    if (expiryMinutes !== null) {
      await setTimeout(Math.max(0, begun + expiryMinutes * MINUTE_MS - performance.now()));
      expiring = await inPhase(started, at(EXPIRY_SECONDS, calmRate));
      tell(`    while peers are given up ${said(expiring)}`);
    }
    for (const program of programs) program.requireAlive();
    return { filled, full, calm, expiring, rss, cpu };
  } finally {
    await host.remove();
    remove();
  }
}

async function inPhase(
  { longestPause }: StartedTracker,
  run: () => Promise<LoadResult>,
): Promise<Phase> {
  await longestPause?.();
  const result = await run();
  return { ...result, pause: (await longestPause?.()) ?? null };
}

function said({ perSecond, p50, p99, lost, pause }: Phase): string {
  const stood = pause === null ? '' : `, longest pause ${pause.toFixed(1)} ms`;
  return `${perSecond}/s (p50 ${p50} µs, p99 ${p99} µs, ${lost} lost${stood})`;
}

const sumOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);
