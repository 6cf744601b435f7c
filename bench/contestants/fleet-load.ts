import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

import { AnnounceStream, buildLoad, inSwarms, type LoadResult } from '../load/announce-load.ts';
import { Crowd, type CrowdPlan, type Told } from '../load/crowd.ts';
import { HttpLoad, type HttpReport } from '../load/http-load.ts';
import { forgetPeak, usageOf } from '../measure/process-tree.ts';
import type { Host } from '../net/host.ts';
import type { Origin } from './fleetseed-origin.ts';
import { readLoopDelay, type LoopDelay } from './origin-metrics.ts';
import type { NamedSwarm } from './tracker.types.ts';

export interface FleetLoadPlan extends CrowdPlan {
  /** A second, of all agents in turn, over HTTP. */
  readonly announces: number;
  /** A second, over UDP, of hosts that have a `.torrent` with a key. */
  readonly udpAnnounces: number;
  /** Where those announce. */
  readonly swarms: readonly NamedSwarm[];
  /** Versions that the channel is moved between. */
  readonly versions: readonly [string, string];
}

/** What an origin did for its fleet in a stretch of time. */
export interface FleetWindow {
  readonly seconds: number;
  readonly announces: HttpReport;
  readonly udpAnnounces: LoadResult;
  /** GET of a release, asked for at a fixed rate. */
  readonly reads: HttpReport;
  readonly moves: readonly Told[];
  readonly loopDelay: LoopDelay;
  /** Seconds of CPU, of all threads. */
  readonly cpuSeconds: number;
  /** Bytes. */
  readonly peakRss: number;
}

const READS_A_SECOND = 50;
/** So many that one that waits does not keep the next from being asked. */
const READERS = 64;
/** Machines with stock clients, each in all of the swarms. */
const STOCK = { title: 'stock clients', hosts: 10_000, swarms: 1, diagonal: false };
const STOCK_WANT = 50;
/** A part of all; those that fail are counted, and told. */
const MOST_FAILED = 0.05;
const BETWEEN_MOVES_MS = 500;

/** Agents that listen and announce, and somebody at the API, all at one origin. */
export class FleetLoad {
  readonly #host: Host;
  readonly #origin: Origin;
  readonly #plan: FleetLoadPlan;
  readonly #announces: HttpLoad;
  readonly #udp: AnnounceStream;
  readonly #reads: HttpLoad;
  readonly crowd: Crowd;
  #moves = 0;

  private constructor(
    host: Host,
    origin: Origin,
    plan: FleetLoadPlan,
    parts: { crowd: Crowd; announces: HttpLoad; udp: AnnounceStream; reads: HttpLoad },
  ) {
    this.#host = host;
    this.#origin = origin;
    this.#plan = plan;
    this.#announces = parts.announces;
    this.#udp = parts.udp;
    this.#reads = parts.reads;
    this.crowd = parts.crowd;
  }

  static async start(host: Host, origin: Origin, folder: string, plan: FleetLoadPlan) {
    const { url } = origin;
    const crowd = await Crowd.enter(host, origin, folder, plan);
    const announces = await HttpLoad.start(host, {
      url,
      folder,
      name: 'announces',
      rate: plan.announces,
      paths: { file: crowd.pathsFile },
    });
    const stock = inSwarms(STOCK, plan.swarms, folder);
    const udp = new AnnounceStream(host, buildLoad(folder), stock, plan.udpAnnounces, STOCK_WANT);
    const token = readFileSync(origin.adminToken, 'utf8').trim();
    const reads = await HttpLoad.start(host, {
      url,
      folder,
      name: 'reads',
      rate: READS_A_SECOND,
      paths: Array.from(
        { length: READERS },
        () => `/api/v1/apps/${plan.app}/releases/${plan.versions[0]}`,
      ),
      header: `authorization: Bearer ${token}`,
    });
    return new FleetLoad(host, origin, plan, { crowd, announces, udp, reads });
  }

  /** Moves the channel again and again while `work` goes on. */
  async during(work: () => Promise<unknown>): Promise<FleetWindow> {
    const { pid } = this.#origin.program;
    await this.#reports();
    forgetPeak(pid);
    const before = usageOf(pid).cpuSeconds;
    const began = performance.now();
    const [, moves] = await this.#movesUntil(work());
    const [announces, udpAnnounces, reads, loopDelay] = await this.#reports();
    const { cpuSeconds, peakRss } = usageOf(pid);
    const seconds = (performance.now() - began) / 1000;
    for (const { failed, answered, failure } of [announces, reads]) {
      if (failed > MOST_FAILED * (answered + failed))
        throw new Error(`${failed} failed: ${failure}`);
    }
    return {
      seconds,
      announces,
      udpAnnounces,
      reads,
      moves,
      loopDelay,
      cpuSeconds: cpuSeconds - before,
      peakRss,
    };
  }

  async stop(): Promise<void> {
    await Promise.all([this.#announces.stop(), this.#udp.stop(), this.#reads.stop()]);
    await this.crowd.stop();
  }

  #reports() {
    return Promise.all([
      this.#announces.report(),
      this.#udp.report(),
      this.#reads.report(),
      readLoopDelay(this.#host, this.#origin),
    ]);
  }

  async #movesUntil<T>(work: Promise<T>): Promise<[T, Told[]]> {
    let over = false;
    const end = work.finally(() => (over = true));
    end.catch(() => undefined);
    const moves: Told[] = [];
    do {
      moves.push(await this.crowd.move(this.#plan.versions[this.#moves++ % 2]!));
      await Promise.race([end, pause(BETWEEN_MOVES_MS)]);
    } while (!over);
    return [await end, moves];
  }
}
