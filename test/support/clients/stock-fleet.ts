import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';

import { sha512Of } from '../content.js';
import type { JsonObject } from '../processes.js';
import { Sandbox, type OriginProcess } from '../sandbox.js';
import { ownAddress, PULL } from './addresses.js';
import type { ClientOptions, StockClient } from './client.types.js';
import { startClient, type ClientName } from './start-client.js';

/** A release of one file, and the `.torrent` that the origin gives out for it. */
export interface StockRelease {
  readonly reference: string;
  readonly artifact: string;
  readonly name: string;
  readonly bytes: number;
  readonly sha512: string;
  /** The folder that has the file: what a seed is pointed to. */
  readonly folder: string;
  readonly torrentFile: string;
}

/** What `fleetseed savings` says. */
export interface Account {
  readonly delivered: number;
  readonly origin: number;
  readonly peers: number;
  readonly originByReason: Readonly<Record<string, number>>;
}

/** What `fleetseed pull` says when it is done. */
export interface PullDone {
  readonly bytes: number;
  readonly fromOrigin: number;
  readonly fromPeers: number;
}

interface PublishFlags {
  readonly push?: readonly string[];
  readonly get?: readonly string[];
}

/** An origin and clients that are not ours around it. */
export class StockFleet {
  readonly #clients: StockClient[] = [];
  #versions = 0;

  private constructor(
    readonly sandbox: Sandbox,
    readonly origin: OriginProcess,
  ) {}

  /** @param args further flags of the origin */
  static async start(...args: string[]): Promise<StockFleet> {
    const sandbox = await Sandbox.create('fleetseed-interop');
    // Where Transmission dials, too.
    const peerListen = ['--peer-listen', `${ownAddress()}:0`];
    const origin = await sandbox.origin(undefined, { args: [...peerListen, ...args] });
    return new StockFleet(sandbox, origin);
  }

  /** Publishes content as one file. @param getArgs further flags of `torrent get` */
  async release(name: string, content: Buffer, ...getArgs: string[]): Promise<StockRelease> {
    const folder = await this.sandbox.folder('source');
    await writeFile(join(folder, name), content);
    const sha512 = await sha512Of(join(folder, name));
    const published = await this.publish(join(folder, name), { get: getArgs });
    return { ...published, name, bytes: content.length, sha512, folder };
  }

  /**
   * Publishes a file or folder and fetches its `.torrent`.
   * @param flags further ones of `push` and of `torrent get`
   */
  async publish(path: string, { push: pushArgs = [], get: getArgs = [] }: PublishFlags = {}) {
    const version = String(++this.#versions);
    const app = basename(path).replaceAll(/[^a-z]/g, '') || 'app';
    const words = ['push', path, '--app', app, '--version', version, ...pushArgs];
    const push = await this.origin.json(...words);
    const reference = `${app}@${version}`;
    const torrentFile = this.sandbox.path(`${app}-${version}.torrent`);
    await this.origin.json('torrent', 'get', reference, '--out', torrentFile, ...getArgs);
    return { reference, artifact: String(push['artifact']), torrentFile };
  }

  /** A client that has nothing yet; its content will be in the folder given back. */
  async download(
    name: ClientName,
    { torrentFile }: Pick<StockRelease, 'torrentFile'>,
    limits: Pick<ClientOptions, 'downloadLimit' | 'uploadLimit'> = {},
  ): Promise<{ client: StockClient; folder: string }> {
    const folder = await this.sandbox.folder(name);
    const client = await startClient(name, { ...limits, mode: 'download', torrentFile, folder });
    this.#clients.push(client);
    return { client, folder };
  }

  /** A client that has the content in this folder, and has said so to the tracker. */
  async seed(
    name: ClientName,
    { torrentFile, artifact, folder }: Pick<StockRelease, 'torrentFile' | 'artifact' | 'folder'>,
    signal: AbortSignal,
  ): Promise<StockClient> {
    const client = await startClient(name, { mode: 'seed', torrentFile, folder });
    this.#clients.push(client);
    await client.whenComplete(signal);
    while ((await this.#seedsOf(artifact)) === 0) signal.throwIfAborted();
    return client;
  }

  /** Our own download, on an address of its own. @returns its last line; the content is in `out` */
  async pull(reference: string, out: string, ...args: string[]): Promise<PullDone> {
    await mkdir(out, { recursive: true });
    const listen = ['--listen', `${PULL}:0`, '--timeout', '60'];
    const done = await this.origin.json<JsonObject>(
      'pull',
      reference,
      '--out',
      out,
      ...listen,
      ...args,
    );
    return done as unknown as PullDone;
  }

  account(): Promise<Account> {
    return this.origin.json<Account>('savings');
  }

  /** Ends the clients; the origin goes on. */
  async stopClients(): Promise<void> {
    await Promise.all(this.#clients.splice(0).map((client) => client.stop()));
  }

  async close(): Promise<void> {
    await this.stopClients();
    await this.sandbox.close();
  }

  async #seedsOf(artifact: string): Promise<number> {
    const { url, adminToken } = this.origin;
    const answer = await fetch(`${url}/api/v1/swarms/${artifact}`, {
      headers: { authorization: `Bearer ${adminToken}` },
      signal: AbortSignal.timeout(10_000),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`The swarm is not told: ${answer.status} ${text}`);
    return Number((JSON.parse(text) as Record<string, unknown>)['seeds'] ?? 0);
  }
}
