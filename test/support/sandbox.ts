import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import {
  runFleetseed,
  ServiceProcess,
  type CommandOutcome,
  type Environment,
} from './processes.js';

/** Loopback, and a port that is free. */
const ANY_PORT = '127.0.0.1:0';

interface OriginOptions extends StartOptions {
  /** `IP:PORT` of the API; a free port by default. */
  readonly listen?: string;
}

interface StartOptions {
  /** Further arguments, behind those that the sandbox gives. */
  readonly args?: readonly string[];
  readonly env?: Environment;
  /** Descriptors that it may have at most. */
  readonly openFiles?: number;
}

/** A file of a tree: its content, and whether it may be executed. */
export type TreeContent =
  | string
  | Uint8Array
  | { readonly content: string | Uint8Array; readonly mode: number };

/**
 * A folder of its own and everything that was started in it. `close` ends the processes, newest
 * first, and removes the folder: call it in `afterAll` or `afterEach`.
 */
export class Sandbox {
  private readonly services: ServiceProcess[] = [];
  private readonly mounts: string[] = [];
  private folders = 0;

  private constructor(readonly root: string) {}

  static async create(name = 'fleetseed'): Promise<Sandbox> {
    return new Sandbox(await mkdtemp(join(tmpdir(), `${name}-`)));
  }

  /** A path in the sandbox. */
  path(...parts: string[]): string {
    return join(this.root, ...parts);
  }

  /** A new, empty folder. */
  async folder(name = 'folder'): Promise<string> {
    const path = this.path(`${name}-${++this.folders}`);
    await mkdir(path, { recursive: true });
    return path;
  }

  /** A new folder that is a disk of its own with this much room. Needs root. */
  async smallDisk(bytes: number): Promise<string> {
    const path = await this.folder('disk');
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'fleetseed-test', path]);
    this.mounts.push(path);
    return path;
  }

  /** A new folder with these files (path with slashes → content). */
  async tree(files: Readonly<Record<string, TreeContent>>): Promise<string> {
    const root = await this.folder('tree');
    for (const [path, given] of Object.entries(files)) {
      const plain = typeof given === 'string' || given instanceof Uint8Array;
      const { content, mode } = plain ? { content: given, mode: 0o644 } : given;
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), content, { mode });
    }
    return root;
  }

  /**
   * Starts an origin on free loopback ports and waits until it serves.
   * @param data its folder; another start with the same one continues where that left off
   */
  async origin(data?: string, options: OriginOptions = {}): Promise<OriginProcess> {
    const folder = data ?? (await this.folder('origin'));
    const listen = ['--listen', options.listen ?? ANY_PORT, '--peer-listen', ANY_PORT];
    const args = ['origin', '--data', folder, ...listen, ...(options.args ?? [])];
    const service = this.start(args, options.env, options.openFiles);
    const ready = await service.event('ready');
    const url = new URL(String(ready['api'])).origin;
    const token = (await readFile(join(folder, 'admin-token'), 'utf8')).trim();
    return new OriginProcess(service, folder, url, token);
  }

  /** Starts an agent of an origin; wait for its `ready` event. */
  async agent(
    origin: OriginProcess,
    data?: string,
    options: StartOptions = {},
  ): Promise<AgentProcess> {
    const folder = data ?? (await this.folder('agent'));
    const joinToken = ['--join-token-file', join(origin.data, 'join-token')];
    const where = ['--data', folder, '--listen', ANY_PORT, '--origin', origin.url];
    const args = ['agent', ...where, ...joinToken, ...(options.args ?? [])];
    return { service: this.start(args, options.env, options.openFiles), data: folder };
  }

  /** Starts any command that goes on running; it ends with the sandbox at the latest. */
  start(args: readonly string[], env: Environment = {}, openFiles?: number): ServiceProcess {
    const limit = openFiles === undefined ? {} : { openFiles };
    const service = new ServiceProcess(args, { env, cwd: this.root, ...limit });
    this.services.push(service);
    return service;
  }

  async close(): Promise<void> {
    for (const service of this.services.toReversed()) await service.kill();
    for (const path of this.mounts) execFileSync('umount', [path]);
    await rm(this.root, { recursive: true, force: true });
  }
}

export interface AgentProcess {
  readonly service: ServiceProcess;
  readonly data: string;
}

/** An origin that serves, and the way to it for commands. */
export class OriginProcess {
  constructor(
    readonly service: ServiceProcess,
    readonly data: string,
    /** `http://127.0.0.1:PORT`. */
    readonly url: string,
    readonly adminToken: string,
  ) {}

  /** What commands need in their environment to talk to it as the administrator. */
  get env(): Environment {
    return { FLEETSEED_ORIGIN: this.url, FLEETSEED_TOKEN: this.adminToken };
  }

  /** Runs a command against this origin. */
  run(args: readonly string[], env: Environment = {}): Promise<CommandOutcome> {
    return runFleetseed(args, { env: { ...this.env, ...env } });
  }

  /** Runs a command with `--json` that must succeed, and gives what it printed. */
  async json<T = Readonly<Record<string, unknown>>>(...args: string[]): Promise<T> {
    const outcome = await this.run([...args, '--json']);
    if (outcome.exit === 0) return outcome.json<T>();
    throw new Error(`fleetseed ${args.join(' ')} exited with ${outcome.exit}: ${outcome.stderr}`);
  }
}
