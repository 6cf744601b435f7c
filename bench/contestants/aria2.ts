import { dirname, join } from 'node:path';

import { ARIA2_SETTINGS, ARIA2_VERSION, Aria2Host } from './aria2-host.ts';
import type { Contestant, Race, Stage } from './contestant.types.ts';
import { makeTorrent } from './stock-torrent.ts';

export const aria2: Contestant = {
  name: 'aria2',
  version: ARIA2_VERSION,
  debianPackage: 'aria2',
  clock:
    'a started process that waits for its list of downloads; from giving it the torrent until it ' +
    'calls its hook for a complete download (every piece hashed)',
  settings: `v1 torrent; ${ARIA2_SETTINGS}`,
  async prepare(stage: Stage): Promise<Race> {
    const { payload, folder } = stage;
    const { origin, others } = stage.network;
    const torrent = await makeTorrent(stage, 'v1');
    const seed = new Aria2Host(origin, dirname(payload.path));
    seed.begin(torrent.file);
    const hosts = others.map((host) => new Aria2Host(host, join(folder, host.name)));
    await torrent.seeded(seed.program);
    return {
      seed: seed.program,
      downloaders: hosts.map(({ program }) => program),
      start(starting) {
        for (const host of starting) hosts[host]!.begin(torrent.file);
        return Promise.resolve();
      },
      complete: (host, patienceMs) => hosts[host]!.complete(patienceMs),
      contentOf: (host) => hosts[host]!.contentOf(payload.path),
    };
  },
};
