import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { FleetLoad, type FleetWindow } from '../contestants/fleet-load.ts';
import { serveOrigin, type Origin } from '../contestants/fleetseed-origin.ts';
import { swarmOf } from '../contestants/fleetseed-tracker.ts';
import type { NamedSwarm } from '../contestants/tracker.types.ts';
import {
  originByCurl,
  originByPush,
  startNginxDav,
  uploadAll,
  type UploadTarget,
} from '../contestants/upload-targets.ts';
import { makeFile, makeTree, type Payload } from '../measure/payload.ts';
import { usageOf } from '../measure/process-tree.ts';
import { requireStored } from '../measure/stored-content.ts';
import { Host } from '../net/host.ts';
import type { Tell } from './case.types.ts';

export interface OriginPlan {
  readonly clients: number;
  /** Of all clients together. */
  readonly bytes: number;
  readonly files: number;
  /** In the mean. */
  readonly fileBytes: number;
  readonly agents: number;
  /** A second: over HTTP by the agents, over UDP by stock clients with a key. */
  readonly announces: number;
  readonly udpAnnounces: number;
  readonly calmSeconds: number;
}

export interface Upload {
  readonly target: string;
  readonly tree: boolean;
  readonly loaded: boolean;
  readonly bytes: number;
  readonly seconds: number;
  /** Of the process that took it, meanwhile; of nginx's workers too. */
  readonly cpuSeconds: number;
}

export interface OriginRound {
  readonly uploads: readonly Upload[];
  /** Until all agents had joined and had their streams, seconds. */
  readonly entered: number;
  readonly windows: readonly (FleetWindow & { readonly while: string })[];
}

const APP = 'fleet';
const CHANNEL = 'stable';
const VERSIONS = ['1', '2'] as const;
const SMALL_BYTES = 256 * 1024;
const WARM_BYTES = 16 * 1024 * 1024;
const PATIENCE_MS = 300_000;
/** The first announces of all agents, and whatever they make the origin open. */
const SETTLE_MS = 3000;

/** Everything once, on a new origin. */
export async function runOriginRound(
  folder: string,
  plan: OriginPlan,
  tell: Tell,
): Promise<OriginRound> {
  const host = new Host('origin', '10.255.255.1');
  host.ip('address', 'add', `${host.address}/32`, 'dev', 'lo');
  try {
    const nginx = await startNginxDav(host, folder);
    // Every address of this network is one of a stock client.
    host.ip('route', 'add', 'local', '10.0.0.0/8', 'dev', 'lo');
    const origin = await serveOrigin(host, folder, ['--udp-tracker', `${host.address}:6969`]);
    const { artifact, swarms } = await publishSmall(host, origin, folder);
    const uploads: Upload[] = [];
    const station = new UploadStation(host, folder, plan, tell, uploads);
    const [curl, push] = [originByCurl(origin), originByPush(origin)];
    const stored = { [nginx.name]: nginx.root, [curl.name]: join(folder, 'origin/depot/blobs') };

    await station.warmUp([nginx, curl, push]);
    await station.upload([nginx, curl], false, stored);
    await station.upload([push], false, {});
    await station.uploadTree([nginx, push], false);

    const load = await FleetLoad.start(host, origin, folder, {
      agents: plan.agents,
      announces: plan.announces,
      udpAnnounces: plan.udpAnnounces,
      swarms,
      app: APP,
      channel: CHANNEL,
      artifact,
      versions: VERSIONS,
    });
    tell(`${plan.agents} agents came in within ${load.crowd.seconds.toFixed(1)} s`);
    await pause(SETTLE_MS);
    const windows: OriginRound['windows'][number][] = [];
    const watch = async (name: string, work: () => Promise<unknown>) => {
      const window = { ...(await load.during(work)), while: name };
      windows.push(window);
      tell(`${name}: ${JSON.stringify(summaryOf(window))}`);
    };
    await watch('nothing else', () => pause(plan.calmSeconds * 1000));
    await station.upload([nginx, curl], true, stored, watch);
    await station.upload([push], true, {}, watch);
    await station.uploadTree([nginx, push], true, watch);
    await load.stop();
    origin.program.requireAlive();
    return { uploads, entered: load.crowd.seconds, windows };
  } finally {
    await host.remove();
  }
}

/** Runs something that is watched. */
type Watch = (name: string, work: () => Promise<unknown>) => Promise<void>;
const unwatched: Watch = async (_, work) => void (await work());

/** Makes new content for every upload: what an origin has already is not sent to it again. */
class UploadStation {
  readonly #host: Host;
  readonly #folder: string;
  readonly #plan: OriginPlan;
  readonly #tell: Tell;
  readonly #done: Upload[];
  #made = 0;

  constructor(host: Host, folder: string, plan: OriginPlan, tell: Tell, done: Upload[]) {
    this.#host = host;
    this.#folder = folder;
    this.#plan = plan;
    this.#tell = tell;
    this.#done = done;
  }

  /** A service runs for months; what is measured is not the first it does. */
  async warmUp(targets: readonly UploadTarget[]): Promise<void> {
    for (const target of targets) {
      const name = `warm-${++this.#made}`;
      const source = join(this.#folder, name);
      const payloads: Payload[] = [];
      for (let client = 0; client < this.#plan.clients; client++) {
        payloads.push(
          await makeFile(join(source, `${client}.bin`), WARM_BYTES, `${source} ${client}`),
        );
      }
      await uploadAll(this.#host, target, payloads, name, PATIENCE_MS);
      rmSync(source, { recursive: true });
    }
  }

  /** The same files to each target. @param stored where the content then has to be, by target */
  async upload(
    targets: readonly UploadTarget[],
    loaded: boolean,
    stored: Readonly<Record<string, string>>,
    watch: Watch = unwatched,
  ): Promise<void> {
    const { clients, bytes } = this.#plan;
    const name = `upload-${++this.#made}`;
    const source = join(this.#folder, name);
    const payloads: Payload[] = [];
    for (let client = 0; client < clients; client++) {
      const path = join(source, `${client}.bin`);
      payloads.push(await makeFile(path, Math.floor(bytes / clients), `${source} ${client}`));
    }
    for (const target of targets) {
      await this.#measure(target, payloads, name, loaded, watch);
      const folder = stored[target.name];
      if (folder !== undefined) await requireStored(folder, payloads);
    }
    rmSync(source, { recursive: true });
  }

  async uploadTree(
    targets: readonly UploadTarget[],
    loaded: boolean,
    watch: Watch = unwatched,
  ): Promise<void> {
    const { files, fileBytes } = this.#plan;
    const name = `tree-${++this.#made}`;
    const source = join(this.#folder, name);
    mkdirSync(source);
    const payload = await makeTree(join(source, 'tree'), files * fileBytes, files, source);
    for (const target of targets) await this.#measure(target, [payload], name, loaded, watch);
    rmSync(source, { recursive: true });
  }

  async #measure(
    target: UploadTarget,
    payloads: readonly Payload[],
    name: string,
    loaded: boolean,
    watch: Watch,
  ): Promise<void> {
    const tree = payloads[0]!.tree;
    const bytes = payloads.reduce((sum, payload) => sum + payload.bytes, 0);
    await watch(`${target.name}${tree ? ', tree' : ''}`, async () => {
      const before = usageOf(target.pid).cpuSeconds;
      const seconds = await uploadAll(this.#host, target, payloads, name, PATIENCE_MS);
      const cpuSeconds = usageOf(target.pid).cpuSeconds - before;
      this.#done.push({ target: target.name, tree, loaded, bytes, seconds, cpuSeconds });
      const rate = (bytes / 1e6 / seconds).toFixed(0);
      const how = `${tree ? 'tree' : 'files'}, ${loaded ? 'under load' : 'alone'}`;
      this.#tell(`${target.name}, ${how}: ${rate} MB/s, ${cpuSeconds.toFixed(1)} CPU-s`);
    });
  }
}

/** Two versions of an app that all agents follow. @returns the artifact of the first, and both swarms */
async function publishSmall(host: Host, origin: Origin, folder: string) {
  const token = readFileSync(origin.adminToken, 'utf8').trim();
  const artifacts: string[] = [];
  const swarms: NamedSwarm[] = [];
  const curl = ['curl', '-sS', '--fail', '-H', `authorization: Bearer ${token}`];
  for (const version of VERSIONS) {
    const path = join(folder, 'small', version);
    await makeFile(path, SMALL_BYTES, `small ${version}`);
    const release = `${origin.url}/api/v1/apps/${APP}/releases/${version}`;
    const said = await host.run('curl', [
      [...curl, '-T', path, `${release}/content?name=small&channel=${CHANNEL}`],
    ]);
    writeFileSync(`${path}.json`, said);
    await host.run('curl', [[...curl, '-o', `${path}.torrent`, `${release}/torrent`]]);
    artifacts.push((JSON.parse(said) as { artifact: string }).artifact);
    swarms.push(swarmOf(path));
  }
  return { artifact: artifacts[0]!, swarms };
}

function summaryOf({
  announces,
  udpAnnounces,
  reads,
  moves,
  loopDelay,
  cpuSeconds,
  seconds,
}: FleetWindow) {
  const last = moves.map((move) => Math.round(move.last));
  return {
    seconds: Math.round(seconds),
    announces: Math.round(announces.answered / announces.seconds),
    waiting: announces.waiting,
    udp: [udpAnnounces.perSecond, udpAnnounces.p50, udpAnnounces.p99, udpAnnounces.lost],
    announceUs: [announces.p50, announces.p99, announces.max],
    readUs: [reads.p50, reads.p99, reads.max],
    lastToldMs: last,
    loopDelay,
    cpu: Math.round((cpuSeconds / seconds) * 100),
  };
}
