import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface RedisServerOptions {
  readonly password?: string;
  /** More of the server's own settings: `{ 'maxmemory-policy': 'allkeys-lru' }`. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** Of servers that are alive: none outlives the test process, however that ends. */
const alive = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of alive) child.kill('SIGKILL');
});

/**
 * A real redis-server of its own, on a Unix socket and a free port of loopback. It keeps nothing on
 * disk: stopped and started again it is empty.
 */
export class RedisServer {
  #child: ChildProcess | undefined;

  private constructor(
    private readonly folder: string,
    private readonly port: number,
    private readonly options: RedisServerOptions,
  ) {}

  static async start(options: RedisServerOptions = {}): Promise<RedisServer> {
    const folder = await mkdtemp(join(tmpdir(), 'fleetseed-redis-'));
    const server = new RedisServer(folder, await freePort(), options);
    await server.start();
    return server;
  }

  get socketPath(): string {
    return join(this.folder, 'redis.sock');
  }

  get socketUrl(): string {
    return `unix://${this.socketPath}`;
  }

  get url(): string {
    return this.urlWith(this.options.password ?? '');
  }

  urlWith(password: string): string {
    const login = password === '' ? '' : `:${encodeURIComponent(password)}@`;
    return `redis://${login}127.0.0.1:${this.port}/0`;
  }

  async start(): Promise<void> {
    const { password, settings = {} } = this.options;
    const words = Object.entries({
      bind: '127.0.0.1',
      port: String(this.port),
      unixsocket: this.socketPath,
      dir: this.folder,
      save: '',
      appendonly: 'no',
      ...(password === undefined ? {} : { requirepass: password }),
      ...settings,
    }).flatMap(([name, value]) => [`--${name}`, value]);
    const child = spawn('redis-server', words, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#child = child;
    alive.add(child);
    child.once('exit', () => alive.delete(child));
    child.stdout.setEncoding('utf8');
    let said = '';
    for await (const text of child.stdout) {
      said += text as string;
      // It says so of the port, and once more of the socket.
      if (/ready to accept connections at/i.test(said)) {
        child.stdout.resume();
        return;
      }
    }
    throw new Error(`redis-server did not start: ${said}`);
  }

  /** Drops all keys of all databases. */
  async empty(): Promise<void> {
    await this.command('FLUSHALL');
  }

  /** Runs one command with redis-cli. */
  async command(...words: readonly string[]): Promise<string> {
    const login = this.options.password ?? '';
    const env = { ...process.env, ...(login === '' ? {} : { REDISCLI_AUTH: login }) };
    const cli = spawn('redis-cli', ['-s', this.socketPath, ...words], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let out = '';
    cli.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
    const [code] = (await once(cli, 'close')) as [number];
    if (code !== 0) throw new Error(`redis-cli ${words.join(' ')}: ${out}`);
    return out.trim();
  }

  /** Holds the process: connections stay open and nothing is answered. */
  pause(): void {
    this.#child?.kill('SIGSTOP');
  }

  resume(): void {
    this.#child?.kill('SIGCONT');
  }

  /** As a crash does: everything it had is gone. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.exitCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  async stop(): Promise<void> {
    await this.kill();
    await rm(this.folder, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('No port is free.');
  return address.port;
}
