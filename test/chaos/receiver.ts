import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { Notification } from '#lib/contracts';

/** A receiver of webhooks that remembers what it was told. */
export class Receiver {
  readonly #server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const told = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Notification;
      this.told.set(told.id, told);
      response.writeHead(204).end();
    });
  });
  /** By id: what is told twice has the same. */
  readonly told = new Map<string, Notification>();

  static async start(): Promise<Receiver> {
    const receiver = new Receiver();
    receiver.#server.listen(0, '127.0.0.1');
    await once(receiver.#server, 'listening');
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  /** How often each version of an app was said to be published. */
  publishedOf(app: string): string[] {
    return [...this.told.values()]
      .filter(({ event }) => event === 'release.published')
      .map(({ data }) => data as { app: string; version: string })
      .filter((release) => release.app === app)
      .map(({ version }) => version)
      .toSorted();
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
