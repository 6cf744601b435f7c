import { writeFile } from 'node:fs/promises';

import type { Environment, ServiceProcess } from '../support/processes.js';
import { OriginProcess, type Sandbox } from '../support/sandbox.js';

const ADMIN = 'admin-token-of-all-replicas';
const JOIN = 'join-token-of-all-replicas';
/** A start looks at the store and at Redis, which may both be slow when others are at work. */
const READY_MS = 60_000;

interface Replica {
  service: ServiceProcess;
  /** `http://127.0.0.1:PORT`; null while it does not serve. */
  url: string | null;
}

/** Replicas of one origin: processes that share a depot, a Redis, settings and tokens. */
export class Replicas {
  readonly #replicas: Replica[] = [];

  private constructor(
    private readonly sandbox: Sandbox,
    private readonly env: Environment,
    /** Flags of every replica that is started from now on. */
    readonly args: string[],
  ) {}

  /** @param args flags of every replica */
  static async create(
    sandbox: Sandbox,
    env: Environment,
    args: readonly string[] = [],
  ): Promise<Replicas> {
    const [admin, joining] = [sandbox.path('admin-token'), sandbox.path('join-token')];
    await writeFile(admin, ADMIN, { mode: 0o600 });
    await writeFile(joining, JOIN, { mode: 0o600 });
    const tokens = ['--admin-token-file', admin, '--join-token-file', joining];
    return new Replicas(sandbox, env, [...tokens, ...args]);
  }

  get adminToken(): string {
    return ADMIN;
  }

  get joinTokenFile(): string {
    return this.sandbox.path('join-token');
  }

  /** The replicas that serve. */
  get urls(): string[] {
    return this.#replicas.map(({ url }) => url).filter((url) => url !== null);
  }

  urlOf(nth: number): string {
    const { url } = this.#replicas[nth]!;
    if (url === null) throw new Error(`Replica ${nth} does not serve.`);
    return url;
  }

  /** `udp://127.0.0.1:PORT` */
  udpTrackerOf(nth: number): string {
    const ready = this.serviceOf(nth).events.find(({ event }) => event === 'ready');
    return String(ready?.['udpTracker']);
  }

  serviceOf(nth: number): ServiceProcess {
    return this.#replicas[nth]!.service;
  }

  /** One of them, to be asked by itself. */
  origin(nth: number): OriginProcess {
    const data = this.sandbox.path(`replica-${nth}`);
    return new OriginProcess(this.serviceOf(nth), data, this.urlOf(nth), ADMIN);
  }

  /** Starts the replica of this number, again if it ended, and waits until it serves. */
  async start(nth: number, args: readonly string[] = [], env: Environment = {}): Promise<void> {
    const data = ['--data', this.sandbox.path(`replica-${nth}`)];
    const doors = ['--listen', '127.0.0.1:0', '--peer-listen', '127.0.0.1:0'];
    const words = ['origin', ...data, ...doors, ...this.args, ...args];
    const service = this.sandbox.start(words, { ...this.env, ...env });
    const replica: Replica = { service, url: null };
    this.#replicas[nth] = replica;
    void service.ended.then(() => (replica.url = null));
    const ready = await service.event('ready', READY_MS);
    replica.url = new URL(String(ready['api'])).origin;
  }

  async kill(nth: number): Promise<void> {
    await this.serviceOf(nth).kill();
  }

  /** Asks it to end by SIGTERM, as a rolling update does. @returns its exit code */
  stop(nth: number): Promise<number> {
    return this.serviceOf(nth).stop();
  }
}
