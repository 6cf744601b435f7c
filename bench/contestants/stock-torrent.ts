import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import type { Program } from '../net/program.ts';
import type { Stage } from './contestant.types.ts';
import { FLEETSEED, startTracker } from './fleetseed-origin.ts';

const BETWEEN_LOOKS_MS = 100;
const SEEN_WITHIN_MS = 20_000;
const CREATE_MS = 300_000;

/** A torrent of the payload, and the tracker beside the seed that it names. */
export interface StockTorrent {
  readonly file: string;
  /** Waits until the tracker has heard of a seed. */
  seeded(seed: Program): Promise<void>;
}

export async function makeTorrent(stage: Stage, format: 'v1' | 'v2'): Promise<StockTorrent> {
  const { origin: host } = stage.network;
  const announceUrl = await startTracker(host, stage.folder);
  const file = join(stage.folder, 'payload.torrent');
  const made = await host.run(
    'torrent create',
    [
      [FLEETSEED, 'torrent', 'create', stage.payload.path, '--out', file, '--json'],
      ['--format', format, '--tracker', announceUrl, '--public'],
    ],
    CREATE_MS,
  );
  const { infoHashV1, infoHashV2 } = JSON.parse(made) as Record<string, string | null>;
  // Trackers know a v2 torrent by the first 20 bytes of its hash.
  const infoHash = (infoHashV1 ?? infoHashV2)!.slice(0, 40).replace(/../g, '%$&');
  const scrapeUrl = `${announceUrl.replace(/announce$/, 'scrape')}?info_hash=${infoHash}`;
  return {
    file,
    async seeded(seed) {
      const until = performance.now() + SEEN_WITHIN_MS;
      while (performance.now() < until) {
        const answer = await host.run('curl', ['curl', '-sS', '--output', '-', scrapeUrl]);
        if (/8:completei[1-9]/.test(answer)) return;
        seed.requireAlive();
        await pause(BETWEEN_LOOKS_MS);
      }
      throw new Error('The seed did not announce itself.');
    },
  };
}
