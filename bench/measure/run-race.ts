import type { Contestant, Race, Stage } from '../contestants/contestant.types.ts';
import { requireSame } from './payload.ts';
import { forgetPeak, usageOf } from './process-tree.ts';

/** What one delivery took. */
export interface RaceResult {
  /** By the contestant's clock, one a host. */
  readonly seconds: readonly number[];
  /** Between the start and the completion of the last host. */
  readonly seedCpu: number;
  /** Of all hosts together. */
  readonly hostsCpu: number;
  readonly seedRss: number;
  /** Of the host that needed most. */
  readonly hostRss: number;
  /** What the origin's interface sent meanwhile, headers included, in bytes. */
  readonly originSent: number;
}

/** Lets a contestant deliver once, and checks every byte of every copy. */
export async function runRace(contestant: Contestant, stage: Stage): Promise<RaceResult> {
  const { origin, others } = stage.network;
  const race = await contestant.prepare(stage);
  const pids = () => race.downloaders.map(({ pid }) => pid);
  for (const pid of [race.seed.pid, ...pids()]) forgetPeak(pid);
  const seedBefore = usageOf(race.seed.pid).cpuSeconds;
  const hostsBefore = cpuOf(pids());
  const sentBefore = origin.traffic().sent;
  await race.start();
  const seconds = await allComplete(race, others.length);
  const seed = usageOf(race.seed.pid);
  const hosts = pids().map(usageOf);
  const originSent = origin.traffic().sent - sentBefore;
  for (const index of others.keys()) await requireSame(race.fileOf(index), stage.payload);
  return {
    seconds,
    seedCpu: seed.cpuSeconds - seedBefore,
    hostsCpu: hosts.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0) - hostsBefore,
    seedRss: seed.peakRss,
    hostRss: Math.max(...hosts.map(({ peakRss }) => peakRss)),
    originSent,
  };
}

function allComplete(race: Race, hosts: number): Promise<number[]> {
  return Promise.all(Array.from({ length: hosts }, (_, host) => race.complete(host)));
}

function cpuOf(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + usageOf(pid).cpuSeconds, 0);
}
