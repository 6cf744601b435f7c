import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { makeFile, requireSame, type Payload } from '../measure/payload.ts';
import { forgetPeak, residentNow, usageOf } from '../measure/process-tree.ts';
import { joinPair } from '../net/network.ts';
import type { Program } from '../net/program.ts';
import { FLEETSEED, serveOrigin, type Origin } from './fleetseed-origin.ts';

const MAIN = join(import.meta.dirname, '../../dist/bundle/fleetseed.js');
const PEER_PORT = 7071;
const CHANNEL = 'stable';
const LARGE = 'large';
const SMALL_BYTES = 1024 * 1024;
const PATIENCE_MS = 300_000;

/** One transfer of the large artifact. */
interface Transfer {
  readonly seconds: number;
  /** Of the agent, in bytes. */
  readonly peakRss: number;
}

export interface AgentFigures {
  /** From its exec to `ready`, joining; seconds, as all times here. */
  readonly firstStart: number;
  readonly starts: readonly number[];
  /** The same without the shell that finds Node. */
  readonly nodeStarts: readonly number[];
  /** Bytes. */
  readonly idleRss: number;
  /** Of one core, 1 is all of it. */
  readonly idleCpu: number;
  readonly receiving: Transfer;
  readonly sending: Transfer;
}

interface Plan {
  /** Of the large artifact. */
  readonly bytes: number;
  readonly rounds: number;
  readonly settleSeconds: number;
  readonly windowSeconds: number;
}

/** An origin, and a machine with an agent that keeps so many apps. */
export class AgentMachine {
  readonly #network = joinPair();
  readonly #folder: string;
  readonly #apps: readonly string[];
  #origin!: Origin;

  constructor(folder: string, artifacts: number) {
    this.#folder = folder;
    this.#apps = Array.from({ length: artifacts }, (_, index) => `app-${index + 1}`);
  }

  async measure({ bytes, rounds, settleSeconds, windowSeconds }: Plan): Promise<AgentFigures> {
    this.#origin = await serveOrigin(this.#network.origin, this.#folder, []);
    await this.#publishSmall();
    const [joined, firstStart] = await this.#start([FLEETSEED]);
    let agent = joined;
    for (const app of this.#apps) await agent.line(told('active', app), PATIENCE_MS);
    const starts: number[] = [];
    const nodeStarts: number[] = [];
    for (let round = 0; round < rounds; round++) {
      await agent.stop();
      [agent, nodeStarts[round]] = await this.#start([process.execPath, MAIN]);
      await agent.stop();
      [agent, starts[round]] = await this.#start([FLEETSEED]);
    }
    await pause(settleSeconds * 1000);
    const before = usageOf(agent.pid).cpuSeconds;
    await pause(windowSeconds * 1000);
    const idleCpu = (usageOf(agent.pid).cpuSeconds - before) / windowSeconds;
    const idleRss = residentNow(agent.pid);
    const payload = await makeFile(join(this.#folder, 'large', 'payload.bin'), bytes);
    const receiving = await this.#receive(agent, payload);
    const sending = await this.#send(agent, payload);
    return { firstStart, starts, nodeStarts, idleRss, idleCpu, receiving, sending };
  }

  async remove(): Promise<void> {
    await this.#network.remove();
  }

  /** @returns also the seconds until it was ready */
  async #start(words: readonly string[]): Promise<[agent: Program, seconds: number]> {
    const [host] = this.#network.others;
    const apps = [...this.#apps, LARGE].flatMap((app) => ['--app', `${app}@${CHANNEL}`]);
    const began = performance.now();
    const agent = host!.start('fleetseed agent', [
      [...words, 'agent', '--origin', this.#origin.url, '--data', this.#data],
      ['--listen', `${host!.address}:${PEER_PORT}`, '--log-level', 'warn'],
      ['--join-token-file', this.#origin.joinToken, ...apps],
    ]);
    return [agent, ((await agent.event('ready')).at - began) / 1000];
  }

  async #receive(agent: Program, payload: Payload): Promise<Transfer> {
    await this.#ask([this.#upload(LARGE, payload.path)]);
    forgetPeak(agent.pid);
    const began = performance.now();
    await this.#ask([this.#channelMove(LARGE)]);
    const { at } = await agent.line(told('staged', LARGE), PATIENCE_MS);
    const { peakRss } = usageOf(agent.pid);
    await agent.line(told('active', LARGE));
    await requireSame(join(this.#data, 'apps', LARGE, 'current', basename(payload.path)), payload);
    return { seconds: (at - began) / 1000, peakRss };
  }

  /** To a pull beside the origin, which serves nothing itself now. */
  async #send(agent: Program, payload: Payload): Promise<Transfer> {
    const { origin: host } = this.#network;
    await this.#origin.program.stop();
    const silent = ['--roles', 'api,tracker,work'];
    this.#origin = await serveOrigin(host, this.#folder, silent);
    forgetPeak(agent.pid);
    const out = join(this.#folder, 'out');
    const said = await host.run(
      'fleetseed pull',
      [
        [FLEETSEED, 'pull', `${LARGE}@1`, '--out', out, '--json', '--listen', `${host.address}:0`],
        ['--origin', this.#origin.url, '--token-file', this.#origin.adminToken],
      ],
      PATIENCE_MS,
    );
    const { peakRss } = usageOf(agent.pid);
    await requireSame(join(out, basename(payload.path)), payload);
    const done = JSON.parse(said.split('\n').at(-1)!) as { seconds: number };
    return { seconds: done.seconds, peakRss };
  }

  async #publishSmall(): Promise<void> {
    const requests: string[][] = [];
    for (const app of this.#apps) {
      const path = join(this.#folder, 'small', `${app}.bin`);
      await makeFile(path, SMALL_BYTES, app);
      requests.push(this.#upload(app, path), this.#channelMove(app));
    }
    await this.#ask(requests);
  }

  #upload(app: string, path: string): string[] {
    const url = `${this.#origin.url}/api/v1/apps/${app}/releases/1/content?name=${basename(path)}`;
    return [`upload-file = "${path}"`, `url = "${url}"`];
  }

  #channelMove(app: string): string[] {
    return [
      'request = "PUT"',
      'data = "{\\"version\\":\\"1\\"}"',
      'header = "content-type: application/json"',
      `url = "${this.#origin.url}/api/v1/apps/${app}/channels/${CHANNEL}"`,
    ];
  }

  /** Requests in the lines of curl's configuration file; all go over one connection. */
  async #ask(requests: readonly (readonly string[])[]): Promise<void> {
    const token = readFileSync(this.#origin.adminToken, 'utf8').trim();
    const common = [`header = "authorization: Bearer ${token}"`, 'silent', 'show-error'];
    const config = join(this.#folder, 'curl.conf');
    const lines = requests.map((each) => [...each, ...common, 'fail-with-body'].join('\n'));
    writeFileSync(config, lines.join('\nnext\n'));
    await this.#network.origin.run('curl', ['curl', '--config', config], PATIENCE_MS);
  }

  get #data(): string {
    return join(this.#folder, 'agent');
  }
}

function told(event: string, app: string): RegExp {
  return new RegExp(`"event":"${event}","app":"${app}"`);
}
