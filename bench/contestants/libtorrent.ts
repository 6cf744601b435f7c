import { basename, dirname, join } from 'node:path';

import { versionOf } from '../net/command.ts';
import type { Host } from '../net/host.ts';
import { Program } from '../net/program.ts';
import { ARIA2_SETTINGS, Aria2Host } from './aria2-host.ts';
import type { Contestant, Race, Stage } from './contestant.types.ts';
import { makeTorrent } from './stock-torrent.ts';

/** Debian's interpreter: the one that python3-libtorrent belongs to. */
export const PYTHON = '/usr/bin/python3';
const SCRIPT = join(import.meta.dirname, 'libtorrent_peer.py');
const PORT = 6881;
const CLOCK =
  'a running session; from adding the torrent, with the address of the seed, until its ' +
  '`torrent_finished` alert (every piece hashed)';
const SETTINGS =
  'TCP only, plain, no DHT, LSD, UPnP; its high-performance values for queues, ' +
  'buffers and slots with even more room (`libtorrent_peer.py`)';

export const LIBTORRENT_VERSION = versionOf(
  /^([\d.]+)/,
  PYTHON,
  '-c',
  'import libtorrent; print(libtorrent.__version__)',
);

export const libtorrent: Contestant = {
  name: 'libtorrent',
  version: LIBTORRENT_VERSION,
  debianPackage: 'python3-libtorrent',
  clock: CLOCK,
  settings: `v2 torrent; ${SETTINGS}`,
  prepare: (stage) => prepare(stage, 'v2'),
};

/** With some hosts that run aria2, which knows nothing but v1. */
export const libtorrentAndAria2: Contestant = {
  name: 'libtorrent and aria2',
  version: LIBTORRENT_VERSION,
  debianPackage: 'python3-libtorrent',
  clock: `${CLOCK}; of aria2 from giving it the torrent until its hook for a complete download`,
  settings: `v1 torrent; ${SETTINGS}; aria2: ${ARIA2_SETTINGS}`,
  prepare: (stage) => prepare(stage, 'v1'),
};

async function prepare(stage: Stage, format: 'v1' | 'v2'): Promise<Race> {
  const { payload, plans } = stage;
  const { origin, others } = stage.network;
  const torrent = await makeTorrent(stage, format);
  const folderOf = (host: number) => join(stage.folder, others[host]!.name);
  const open = (host: Host, folder: string, seed: boolean) => {
    const peers = seed ? [] : [[origin.address, PORT]];
    const listen = `${host.address}:${PORT}`;
    const options = { torrentFile: torrent.file, folder, listen, seed, peers };
    return host.start('libtorrent', [PYTHON, SCRIPT, JSON.stringify(options)]);
  };
  const seed = open(origin, dirname(payload.path), true);
  seed.say('start');
  const hosts = others.map((host, index) =>
    plans[index]!.client === 'aria2'
      ? new Aria2Host(host, folderOf(index))
      : open(host, folderOf(index), false),
  );
  const sessions = hosts.filter((host) => host instanceof Program);
  await Promise.all([torrent.seeded(seed), ...sessions.map((each) => each.event('ready'))]);
  return {
    seed,
    downloaders: hosts.map((host) => (host instanceof Aria2Host ? host.program : host)),
    start(starting) {
      for (const index of starting) {
        const host = hosts[index]!;
        if (host instanceof Aria2Host) host.begin(torrent.file);
        else host.say('start');
      }
      return Promise.resolve();
    },
    async complete(index, patienceMs) {
      const host = hosts[index]!;
      if (host instanceof Aria2Host) return host.complete(patienceMs);
      return Number((await host.event('complete', patienceMs))['seconds']);
    },
    contentOf: (host) => join(folderOf(host), basename(payload.path)),
  };
}
