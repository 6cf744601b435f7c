import { basename, join } from 'node:path';

import { versionOf } from '../net/command.ts';
import type { Host } from '../net/host.ts';
import type { Program } from '../net/program.ts';

const PORT = 6881;
/** Says when a download is complete, and before seeding: the id, the number of files, a path. */
const HOOK = '--on-bt-download-complete=/bin/echo';
const COMPLETE = /^[0-9a-f]{16} \d+ \//;
const FLAGS = [
  ['--no-conf=true', '--enable-dht=false', '--enable-dht6=false', '--bt-enable-lpd=false'],
  ['--enable-peer-exchange=false', '--disable-ipv6=true', '--file-allocation=none'],
  ['--bt-seed-unverified=true', '--seed-ratio=0.0', '--bt-max-peers=0', '--disk-cache=64M'],
  ['--bt-request-peer-speed-limit=1000M', '--bt-tracker-interval=2', '--summary-interval=0'],
  [HOOK, '--enable-color=false', '--show-console-readout=false'],
];

export const ARIA2_VERSION = versionOf(/version (\S+)/, 'aria2c', '--version');
export const ARIA2_SETTINGS =
  'no DHT, LPD, PEX; any number of peers, 64 MiB of disk cache, no allocation, tracker asked every 2 s';

/** An aria2 that runs and waits for its list of downloads on stdin. */
export class Aria2Host {
  readonly program: Program;
  readonly #folder: string;
  #began = 0;

  /** @param folder holds the content below the torrent's name, or will */
  constructor(host: Host, folder: string) {
    this.#folder = folder;
    const own = [`--dir=${folder}`, `--listen-port=${PORT}`, `--interface=${host.address}`];
    this.program = host.start('aria2', ['aria2c', ...FLAGS, ...own, '--input-file=-']);
  }

  begin(torrentFile: string): void {
    this.#began = performance.now();
    this.program.say(torrentFile, true);
  }

  /** @returns seconds since it was given the torrent */
  async complete(patienceMs: number): Promise<number> {
    return ((await this.program.line(COMPLETE, patienceMs)).at - this.#began) / 1000;
  }

  contentOf(path: string): string {
    return join(this.#folder, basename(path));
  }
}
