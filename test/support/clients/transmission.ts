import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ClientProcess, completed, freePort } from './client-process.js';
import type { ClientOptions, ClientProgress, StockClient } from './client.types.js';

const START_MS = 15_000;
const LOOPBACK = '127.0.0.1';
const KILO = 1000;
const FIELDS = [
  'status',
  'leftUntilDone',
  'sizeWhenDone',
  'recheckProgress',
  'downloadedEver',
  'uploadedEver',
  'corruptEver',
  'peersConnected',
  'errorString',
  'trackerStats',
];

interface TransmissionTorrent {
  /** 0 stopped, 1–2 being checked, 3–4 downloading, 5–6 seeding. */
  readonly status: number;
  readonly leftUntilDone: number;
  readonly sizeWhenDone: number;
  readonly downloadedEver: number;
  readonly uploadedEver: number;
  readonly corruptEver: number;
  readonly peersConnected: number;
  readonly errorString: string;
  readonly trackerStats: readonly { readonly lastAnnounceResult: string }[];
}

/** Transmission 3.00: v1 only. Never dials 127.x: give it {@link import('./addresses.js').ownAddress}. */
export async function startTransmission(options: ClientOptions): Promise<StockClient> {
  const home = await mkdtemp(join(tmpdir(), 'fleetseed-transmission-'));
  const port = await freePort(options.address);
  const rpcPort = await freePort(LOOPBACK);
  await writeFile(join(home, 'settings.json'), JSON.stringify(settings(options, port, rpcPort)));
  const words = ['--foreground', '--log-debug', '--config-dir', home];
  const program = new ClientProcess('transmission', 'transmission-daemon', words, { HOME: home });
  program.child.stdout!.resume();
  const client = new Transmission(program, options.address, port, rpcPort, home);
  return program.begin(async () => {
    await program.until('RPC', AbortSignal.timeout(START_MS), () => client.answers());
    await client.add(options);
    return client;
  });
}

function settings(options: ClientOptions, port: number, rpcPort: number): object {
  const limits = { down: options.downloadLimit ?? 0, up: options.uploadLimit ?? 0 };
  return {
    'bind-address-ipv4': options.address,
    'bind-address-ipv6': '::1',
    'peer-port': port,
    'rpc-bind-address': LOOPBACK,
    'rpc-port': rpcPort,
    'rpc-whitelist': LOOPBACK,
    'rpc-host-whitelist-enabled': false,
    'dht-enabled': false,
    'lpd-enabled': false,
    'pex-enabled': false,
    'utp-enabled': false,
    'port-forwarding-enabled': false,
    'blocklist-enabled': false,
    // 0 prefers plain connections.
    encryption: 0,
    preallocation: 0,
    'ratio-limit-enabled': false,
    'speed-limit-down-enabled': limits.down > 0,
    'speed-limit-down': Math.ceil(limits.down / KILO),
    'speed-limit-up-enabled': limits.up > 0,
    'speed-limit-up': Math.ceil(limits.up / KILO),
  };
}

class Transmission implements StockClient {
  readonly name = 'transmission';
  #session = '';

  constructor(
    private readonly program: ClientProcess,
    readonly address: string,
    readonly port: number,
    private readonly rpcPort: number,
    private readonly home: string,
  ) {}

  async answers(): Promise<true | null> {
    return this.#call('session-stats', {}).then(
      () => true,
      () => null,
    );
  }

  /** It checks what is in the folder by itself. */
  async add({ torrentFile, folder }: ClientOptions): Promise<void> {
    const metainfo = (await readFile(torrentFile)).toString('base64');
    await this.#call('torrent-add', { metainfo, 'download-dir': folder, paused: false });
  }

  async progress(): Promise<ClientProgress> {
    const { torrents } = await this.#call<{ torrents: TransmissionTorrent[] }>('torrent-get', {
      fields: FIELDS,
    });
    const torrent = torrents[0];
    if (!torrent) throw this.program.failure('it has no torrent');
    return {
      complete: torrent.status >= 5 && torrent.leftUntilDone === 0 && torrent.sizeWhenDone > 0,
      downloaded: torrent.downloadedEver,
      uploaded: torrent.uploadedEver,
      peers: torrent.peersConnected,
      wasted: torrent.corruptEver,
      tracker: torrent.errorString || (torrent.trackerStats[0]?.lastAnnounceResult ?? ''),
    };
  }

  whenComplete(signal: AbortSignal): Promise<ClientProgress> {
    return completed(this.program, signal, () => this.progress());
  }

  async stop(): Promise<void> {
    await this.program.stop();
    await rm(this.home, { recursive: true, force: true });
  }

  log(): string {
    return this.program.log;
  }

  /** Its RPC wants a session id, which it tells with status 409. */
  async #call<T>(method: string, args: object): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      const response = await fetch(`http://${LOOPBACK}:${this.rpcPort}/transmission/rpc`, {
        method: 'POST',
        headers: { 'x-transmission-session-id': this.#session },
        body: JSON.stringify({ method, arguments: args }),
        signal: AbortSignal.timeout(START_MS),
      });
      if (response.status === 409 && attempt === 0) {
        this.#session = response.headers.get('x-transmission-session-id') ?? '';
        await response.arrayBuffer();
        continue;
      }
      const text = await response.text();
      if (!response.ok) throw this.program.failure(`${method}: ${response.status} ${text}`);
      const answer = JSON.parse(text) as { result: string; arguments: T };
      if (answer.result === 'success') return answer.arguments;
      throw this.program.failure(`${method}: ${answer.result}`);
    }
  }
}
