import { randomUUID } from 'node:crypto';

import { ClientProcess, completed, freePort } from './client-process.js';
import type { ClientOptions, ClientProgress, StockClient } from './client.types.js';

const START_MS = 15_000;
const LOOPBACK = '127.0.0.1';

/** Fields of `aria2.tellStatus` (all numbers are texts). */
interface Aria2Status {
  readonly status: string;
  readonly totalLength: string;
  readonly completedLength: string;
  readonly uploadLength: string;
  readonly connections: string;
  readonly seeder?: string;
  readonly errorMessage?: string;
}

/** aria2 1.36: v1 only, no BEP 47, asks for 6 blocks at first, up to 256 later. */
export async function startAria2(options: ClientOptions): Promise<StockClient> {
  const port = await freePort(options.address);
  const rpcPort = await freePort(LOOPBACK);
  const secret = randomUUID();
  const program = new ClientProcess('aria2', 'aria2c', [
    '--no-conf=true',
    // However the tests end.
    `--stop-with-process=${process.pid}`,
    '--enable-rpc=true',
    `--rpc-listen-port=${rpcPort}`,
    `--rpc-secret=${secret}`,
    `--dir=${options.folder}`,
    `--interface=${options.address}`,
    `--listen-port=${port}`,
    '--enable-dht=false',
    '--enable-dht6=false',
    '--bt-enable-lpd=false',
    '--enable-peer-exchange=false',
    '--disable-ipv6=true',
    // The content of a seed is read and checked; without the second it would stop after the check.
    '--check-integrity=true',
    '--bt-hash-check-seed=true',
    '--seed-ratio=0.0',
    '--file-allocation=none',
    // Without it a seed of which nobody wants anything is asked about for the interval of the tracker.
    '--bt-tracker-interval=2',
    `--max-download-limit=${options.downloadLimit ?? 0}`,
    `--max-upload-limit=${options.uploadLimit ?? 0}`,
    '--summary-interval=0',
    '--enable-color=false',
    '--show-console-readout=false',
    '--log-level=notice',
    '--log=-',
    options.torrentFile,
  ]);
  const client = new Aria2(program, options.address, port, rpcPort, secret);
  program.child.stdout!.setEncoding('utf8').on('data', (text: string) => program.note(text));
  const answers = () => client.answers();
  await program.begin(() => program.until('RPC', AbortSignal.timeout(START_MS), answers));
  return client;
}

class Aria2 implements StockClient {
  readonly name = 'aria2';

  constructor(
    private readonly program: ClientProcess,
    readonly address: string,
    readonly port: number,
    private readonly rpcPort: number,
    private readonly secret: string,
  ) {}

  async answers(): Promise<true | null> {
    return this.#call<unknown>('aria2.getVersion').then(
      () => true,
      () => null,
    );
  }

  async progress(): Promise<ClientProgress> {
    const status = await this.#status();
    if (!status)
      return { complete: false, downloaded: 0, uploaded: 0, peers: 0, wasted: 0, tracker: '' };
    const { completedLength, totalLength } = status;
    if (status.status === 'error') throw this.program.failure(status.errorMessage ?? 'error');
    return {
      complete:
        Number(totalLength) > 0 && completedLength === totalLength && status.seeder === 'true',
      // It counts verified pieces and blocks of pieces under way; not what it threw away.
      downloaded: Number(completedLength),
      uploaded: Number(status.uploadLength),
      peers: Number(status.connections),
      wasted: 0,
      tracker: this.#trackerSaid(),
    };
  }

  whenComplete(signal: AbortSignal): Promise<ClientProgress> {
    return completed(this.program, signal, () => this.progress());
  }

  stop(): Promise<void> {
    return this.program.stop();
  }

  log(): string {
    return this.program.log;
  }

  /** It has one download; that is among the active ones, or among those that stopped. */
  async #status(): Promise<Aria2Status | undefined> {
    const [active] = await this.#call<Aria2Status[]>('aria2.tellActive');
    if (active) return active;
    const [waiting] = await this.#call<Aria2Status[]>('aria2.tellWaiting', 0, 1);
    if (waiting) return waiting;
    return (await this.#call<Aria2Status[]>('aria2.tellStopped', 0, 1))[0];
  }

  /** Only its log has it. */
  #trackerSaid(): string {
    return (
      /Tracker returned (?:failure reason|warning message): (.*)/.exec(this.program.log)?.[1] ?? ''
    );
  }

  async #call<T>(method: string, ...params: unknown[]): Promise<T> {
    const response = await fetch(`http://${LOOPBACK}:${this.rpcPort}/jsonrpc`, {
      method: 'POST',
      body: JSON.stringify({ id: '1', method, params: [`token:${this.secret}`, ...params] }),
      signal: AbortSignal.timeout(START_MS),
    });
    const answer = (await response.json()) as { result?: T; error?: { message: string } };
    if (answer.error) throw this.program.failure(`${method}: ${answer.error.message}`);
    return answer.result as T;
  }
}
