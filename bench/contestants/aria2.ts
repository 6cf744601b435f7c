import { dirname, join } from 'node:path';

import { command } from '../net/command.ts';
import type { Host } from '../net/host.ts';
import type { Contestant, Race, Stage } from './contestant.types.ts';
import { makeTorrent } from './stock-torrent.ts';

const PORT = 6881;
/** Says when a download is complete, and before seeding: the id, the number of files, the path. */
const HOOK = '--on-bt-download-complete=/bin/echo';
const FLAGS = [
  ['--no-conf=true', '--enable-dht=false', '--enable-dht6=false', '--bt-enable-lpd=false'],
  ['--enable-peer-exchange=false', '--disable-ipv6=true', '--file-allocation=none'],
  ['--bt-seed-unverified=true', '--seed-ratio=0.0', '--bt-max-peers=0', '--disk-cache=64M'],
  ['--bt-request-peer-speed-limit=1000M', '--bt-tracker-interval=2', '--summary-interval=0'],
  [HOOK, '--enable-color=false', '--show-console-readout=false'],
];

export const aria2: Contestant = {
  name: 'aria2',
  version: /version (\S+)/.exec(command('aria2c', '--version'))![1]!,
  clock:
    'a started process that waits for its list of downloads; from giving it the torrent until it ' +
    'calls its hook for a complete download (every piece hashed)',
  settings:
    'v1 torrent, no DHT, LPD, PEX; any number of peers, 64 MiB of disk cache, no allocation, ' +
    'tracker asked every 2 s',
  async prepare(stage: Stage): Promise<Race> {
    const { origin, others } = stage.network;
    const torrent = await makeTorrent(stage, 'v1');
    const folderOf = (host: number) => join(stage.folder, others[host]!.name);
    const fileOf = (host: number) => join(folderOf(host), 'payload.bin');
    const start = (host: Host, folder: string) => {
      const own = [`--dir=${folder}`, `--listen-port=${PORT}`, `--interface=${host.address}`];
      return host.start('aria2', ['aria2c', ...FLAGS, ...own, '--input-file=-']);
    };
    const seed = start(origin, dirname(stage.payload.path));
    seed.say(torrent.file, true);
    const downloaders = others.map((host, index) => start(host, folderOf(index)));
    await torrent.seeded(seed);
    let began = 0;
    return {
      seed,
      downloaders,
      start() {
        began = performance.now();
        for (const each of downloaders) each.say(torrent.file, true);
        return Promise.resolve();
      },
      async complete(host) {
        return ((await downloaders[host]!.line(fileOf(host))).at - began) / 1000;
      },
      fileOf,
    };
  },
};
