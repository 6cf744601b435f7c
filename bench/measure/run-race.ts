import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

import type { Contestant, Race, Stage } from '../contestants/contestant.types.ts';
import { INTERFACE } from '../net/host.ts';
import { TooLate, type Program } from '../net/program.ts';
import { requireSame } from './payload.ts';
import { forgetPeak, usageOf, type Usage } from './process-tree.ts';

const BETWEEN_LOOKS_MS = 50;

/** What one delivery took. */
export interface RaceResult {
  /** By the contestant's clock, one a host; null for one that was killed or did not finish. */
  readonly seconds: readonly (number | null)[];
  /** Between the start and the completion of the last host. */
  readonly seedCpu: number;
  /** Of all hosts together; of killed ones until then. */
  readonly hostsCpu: number;
  readonly seedRss: number;
  /** Of the host that needed most. */
  readonly hostRss: number;
  /** What the origin's interface sent meanwhile, headers included, in bytes. */
  readonly originSent: number;
  /** See `Network.crossed`. */
  readonly crossed: number;
}

/** Lets a contestant deliver once, and checks every byte of every copy. */
export async function runRace(
  contestant: Contestant,
  stage: Stage,
  patienceMs: number,
): Promise<RaceResult> {
  const { origin } = stage.network;
  const race = await contestant.prepare(stage);
  const programs = () => race.downloaders.filter((each) => each.running);
  for (const { pid } of [race.seed, ...programs()]) forgetPeak(pid);
  const seedBefore = usageOf(race.seed.pid).cpuSeconds;
  const hostsBefore = cpuOf(programs().map(({ pid }) => usageOf(pid)));
  const sentBefore = origin.traffic().sent;
  const crossedBefore = stage.network.crossed();
  const ends = await runAll(race, stage, patienceMs);
  const seed = usageOf(race.seed.pid);
  const hosts = programs().map(({ pid }) => usageOf(pid));
  for (const { usage } of ends) if (usage) hosts.push(usage);
  const originSent = origin.traffic().sent - sentBefore;
  const crossed = stage.network.crossed() - crossedBefore;
  for (const [index, { seconds }] of ends.entries()) {
    if (seconds !== null) await requireSame(race.contentOf(index), stage.payload);
  }
  return {
    seconds: ends.map(({ seconds }) => seconds),
    seedCpu: seed.cpuSeconds - seedBefore,
    hostsCpu: cpuOf(hosts) - hostsBefore,
    seedRss: seed.peakRss,
    hostRss: Math.max(...hosts.map(({ peakRss }) => peakRss)),
    originSent,
    crossed,
  };
}

/** How it ended for a host: its time, or what it had used when it was killed. */
interface End {
  readonly seconds: number | null;
  readonly usage?: Usage;
}

/** Starts every host at its time, and waits for all. */
async function runAll(race: Race, { plans, payload }: Stage, patienceMs: number): Promise<End[]> {
  const ends: End[] = [];
  const groups = Map.groupBy(plans.keys(), (host) => plans[host]!.startsAfter);
  const run = async (time: number, hosts: readonly number[]) => {
    if (time > 0) await pause(time * 1000);
    await race.start(hosts);
    const endOf = (host: number) =>
      plans[host]!.killed
        ? killHalfWay(race.downloaders[host]!, payload.bytes, patienceMs)
        : completion(race, host, patienceMs);
    for (const [at, end] of (await Promise.all(hosts.map(endOf))).entries()) ends[hosts[at]!] = end;
  };
  await Promise.all([...groups].map(([time, hosts]) => run(time, hosts)));
  return ends;
}

async function completion(race: Race, host: number, patienceMs: number): Promise<End> {
  try {
    return { seconds: await race.complete(host, patienceMs) };
  } catch (error) {
    if (error instanceof TooLate) return { seconds: null };
    throw error;
  }
}

async function killHalfWay(victim: Program, bytes: number, patienceMs: number): Promise<End> {
  const until = performance.now() + patienceMs;
  const before = receivedBy(victim.pid);
  while (receivedBy(victim.pid) - before < bytes / 2) {
    if (performance.now() > until) throw new TooLate(`${victim.name} did not come half-way.`);
    await pause(BETWEEN_LOOKS_MS);
  }
  const usage = usageOf(victim.pid);
  await victim.kill();
  return { seconds: null, usage };
}

/** Bytes that came in at the interface of the network namespace that a process is in. */
function receivedBy(pid: number): number {
  const table = readFileSync(`/proc/${pid}/net/dev`, 'utf8');
  return Number(new RegExp(`^\\s*${INTERFACE}:\\s*(\\d+)`, 'm').exec(table)![1]);
}

function cpuOf(usages: readonly Usage[]): number {
  return usages.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
}
