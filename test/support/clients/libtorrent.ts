import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { ClientProcess, completed } from './client-process.js';
import type { ClientOptions, ClientProgress, StockClient } from './client.types.js';

/** Debian's interpreter: the one that python3-libtorrent belongs to. */
const PYTHON = '/usr/bin/python3';
const SCRIPT = fileURLToPath(new URL('libtorrent_client.py', import.meta.url));
const START_MS = 15_000;

interface Told extends ClientProgress {
  readonly port: number;
}

/** libtorrent 2.0.8: v1, v2 and hybrid, in a Python process that prints how it is doing. */
export async function startLibtorrent(options: ClientOptions): Promise<StockClient> {
  const program = new ClientProcess('libtorrent', PYTHON, [SCRIPT, JSON.stringify(options)]);
  let told: Told | null = null;
  createInterface({ input: program.child.stdout! }).on('line', (line) => {
    told = JSON.parse(line) as Told;
  });
  const latest = () => told;
  const first = () => Promise.resolve(latest());
  const { port } = await program.begin(() =>
    program.until('a listening port', AbortSignal.timeout(START_MS), first),
  );
  return new Libtorrent(program, options.address, port, latest);
}

class Libtorrent implements StockClient {
  readonly name = 'libtorrent';

  constructor(
    private readonly program: ClientProcess,
    readonly address: string,
    readonly port: number,
    private readonly latest: () => Told | null,
  ) {}

  progress(): Promise<ClientProgress> {
    return Promise.resolve(this.latest()!);
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
}
