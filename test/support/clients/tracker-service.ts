import { once } from 'node:events';
import { createServer } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

import { systemClock, systemRandom } from '#lib/runtime';
import { MemoryPeerStore, Tracker, TrackerHttp } from '#lib/tracker';

const ANNOUNCE_MS = 50;

export interface TrackerService {
  readonly announceUrl: string;
  /** Resolves when a complete peer has announced. */
  seeded(infoHash: Buffer, signal: AbortSignal): Promise<void>;
  stop(): Promise<void>;
}

/** Our tracker alone, open to anybody: for clients that are to meet without anything else of ours. */
export async function startTracker(address: string): Promise<TrackerService> {
  const tracker = new Tracker({
    access: 'open',
    registry: { lookup: () => Promise.resolve(null) },
    authorize: () => Promise.reject(new Error('An open tracker wants no keys.')),
    store: new MemoryPeerStore({ clock: systemClock, random: systemRandom }),
    clock: systemClock,
    random: systemRandom,
  });
  const front = new TrackerHttp(tracker);
  const server = createServer((request, response) => {
    const [path, rawQuery = ''] = request.url!.split('?', 2);
    const remoteAddress = request.socket.remoteAddress ?? '';
    void front.handle({ path: path!, rawQuery, remoteAddress }).then((answer) => {
      response.writeHead(answer.status, { 'content-type': answer.contentType });
      response.end(answer.body);
    });
  });
  server.listen(0, address);
  await once(server, 'listening');
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('The tracker has no port.');
  return {
    async seeded(infoHash, signal) {
      const swarm = infoHash.toString('hex');
      while ((await tracker.seedsOf(swarm)) === 0) {
        signal.throwIfAborted();
        await once(server, 'request', { signal });
        // The announce itself is taken after the event.
        await pause(ANNOUNCE_MS);
      }
    },
    announceUrl: `http://${address}:${bound.port}/announce`,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
