import { dirname, join } from 'node:path';

import { command } from '../net/command.ts';
import type { Host } from '../net/host.ts';
import type { Contestant, Race, Stage } from './contestant.types.ts';
import { makeTorrent } from './stock-torrent.ts';

/** Debian's interpreter: the one that python3-libtorrent belongs to. */
const PYTHON = '/usr/bin/python3';
const SCRIPT = join(import.meta.dirname, 'libtorrent_peer.py');
const PORT = 6881;

export const libtorrent: Contestant = {
  name: 'libtorrent',
  version: command(PYTHON, '-c', 'import libtorrent; print(libtorrent.__version__)').trim(),
  clock:
    'a running session; from adding the torrent, with the address of the seed, until its ' +
    '`torrent_finished` alert (every piece hashed)',
  settings:
    'TCP only, plain, v2 torrent, no DHT, LSD, UPnP; its high-performance values for queues, ' +
    'buffers and slots with even more room (`libtorrent_peer.py`)',
  async prepare(stage: Stage): Promise<Race> {
    const { origin, others } = stage.network;
    const torrent = await makeTorrent(stage, 'v2');
    const folderOf = (host: number) => join(stage.folder, others[host]!.name);
    const start = (host: Host, folder: string, seed: boolean) => {
      const peers = seed ? [] : [[origin.address, PORT]];
      const listen = `${host.address}:${PORT}`;
      const options = { torrentFile: torrent.file, folder, listen, seed, peers };
      return host.start('libtorrent', [PYTHON, SCRIPT, JSON.stringify(options)]);
    };
    const seed = start(origin, dirname(stage.payload.path), true);
    seed.say('start');
    const downloaders = others.map((host, index) => start(host, folderOf(index), false));
    await Promise.all([torrent.seeded(seed), ...downloaders.map((each) => each.event('ready'))]);
    return {
      seed,
      downloaders,
      start() {
        for (const each of downloaders) each.say('start');
        return Promise.resolve();
      },
      complete: async (host) => Number((await downloaders[host]!.event('complete'))['seconds']),
      fileOf: (host) => join(folderOf(host), 'payload.bin'),
    };
  },
};
