import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';

import type { Logger } from '#lib/runtime';

const BACKLOG = 1024;

/** The port that peers connect to. */
export class PeerListener {
  #server: Server | null = null;
  #port = 0;

  constructor(
    private readonly accepted: (socket: Socket) => void,
    private readonly logger: Logger,
  ) {}

  /** 0 before `listen`. */
  get port(): number {
    return this.#port;
  }

  /** Sockets are given paused: nothing is read before they have their buffer. @throws the system's error */
  async listen(address: { readonly host: string; readonly port: number }): Promise<void> {
    if (this.#server) return;
    const server = createServer({ noDelay: true, pauseOnConnect: true }, this.accepted);
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ ...address, backlog: BACKLOG }, () => {
        server.off('error', reject);
        server.on('error', (error) => this.logger.error('listener failed', { error }));
        resolve();
      });
    });
    this.#port = (server.address() as AddressInfo).port;
  }

  /** Nobody new comes in. Resolves when those who came are gone, too. */
  close(): Promise<void> {
    const server = this.#server;
    return new Promise<void>((resolve) => {
      if (server) server.close(() => resolve());
      else resolve();
    });
  }
}
