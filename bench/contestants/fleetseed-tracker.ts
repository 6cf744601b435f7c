import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { versionOf } from '../net/command.ts';
import type { Host } from '../net/host.ts';
import { fleetseedVersion, serveOrigin, type Origin } from './fleetseed-origin.ts';
import { readLoopDelay } from './origin-metrics.ts';
import type { NamedSwarm, TrackerContestant } from './tracker.types.ts';

const REDIS = versionOf(/v=(\S+)/, 'redis-server', '--version');
const PUBLISH_MS = 120_000;
const SMALL_BYTES = 1000;
const NO_SEED = ['--roles', 'api,tracker,work'];

/** The service itself, API and dashboard included, as a public tracker that seeds nothing. */
export const fleetseedTracker: TrackerContestant = {
  name: 'fleetseed',
  package: null,
  version: fleetseedVersion(),
  settings:
    '`fleetseed origin --udp-tracker … --tracker-access open --roles api,tracker,work`, else defaults',
  async start(host, folder) {
    const flags = [...NO_SEED, '--tracker-access', 'open', ...udpOf(host)];
    const origin = await serveOrigin(host, folder, flags);
    return { programs: [origin.program], longestPause: pauseOf(host, origin) };
  },
};

const pauseOf = (host: Host, origin: Origin) => async () => (await readLoopDelay(host, origin)).max;
const udpOf = (host: Host) => ['--udp-tracker', `${host.address}:6969`];

/** The same for a closed fleet: its own torrents only, to who has the key in a `.torrent` of `torrent get`. */
export const fleetseedKeyed: TrackerContestant = {
  ...fleetseedTracker,
  name: 'fleetseed, with keys',
  settings:
    '`--tracker-access closed` (the default); a key a torrent in the URL data of BEP 41, as `torrent get` writes it',
  start: (host, folder, hashes) => startOwn(host, folder, 'closed', hashes.length, (url) => url),
};

/** The same torrents, to anybody. */
export const fleetseedKnown: TrackerContestant = {
  ...fleetseedTracker,
  name: 'fleetseed, without',
  settings: '`--tracker-access known`, the same torrents, no keys',
  start: (host, folder, hashes) =>
    startOwn(host, folder, 'known', hashes.length, () => '/announce'),
};

/** Peer lists in Redis, which replicas share; one replica and its Redis. */
export const fleetseedRedis: TrackerContestant = {
  ...fleetseedTracker,
  name: 'fleetseed, peers in Redis',
  version: REDIS && `${fleetseedVersion()}, Redis ${REDIS}`,
  package: 'redis-server',
  settings: 'the same with `--redis-url`, over a Unix socket; CPU and RSS are of both processes',
  async start(host, folder) {
    const socket = join(folder, 'redis.sock');
    const redis = host.start('redis', [
      ['redis-server', '--port', '0', '--unixsocket', socket, '--save', '', '--dir', folder],
      ['--maxmemory-policy', 'noeviction'],
    ]);
    await redis.line(/ready to accept connections/i);
    const flags = [...NO_SEED, '--tracker-access', 'open', ...udpOf(host)];
    const origin = await serveOrigin(host, folder, [...flags, '--redis-url', `unix://${socket}`]);
    return { programs: [origin.program, redis], longestPause: pauseOf(host, origin) };
  },
};

/** An origin with as many torrents as there would be swarms. @param pathOf from the path with a key */
async function startOwn(
  host: Host,
  folder: string,
  access: string,
  count: number,
  pathOf: (keyed: string) => string,
) {
  const flags = [...NO_SEED, '--tracker-access', access, ...udpOf(host)];
  const origin = await serveOrigin(host, folder, flags);
  const swarms = await publish(host, origin, folder, count);
  return {
    programs: [origin.program],
    longestPause: pauseOf(host, origin),
    swarms: swarms.map(({ infoHash, path }) => ({ infoHash, path: pathOf(path) })),
  };
}

async function publish(
  host: Host,
  origin: Origin,
  folder: string,
  count: number,
): Promise<NamedSwarm[]> {
  const token = readFileSync(origin.adminToken, 'utf8').trim();
  const head = [`header = "authorization: Bearer ${token}"`, 'silent', 'show-error', 'fail'];
  const requests: string[][] = [];
  for (let at = 0; at < count; at++) {
    const file = join(folder, `small-${at}`);
    writeFileSync(file, randomBytes(SMALL_BYTES));
    const release = `${origin.url}/api/v1/apps/app-${at}/releases/1`;
    requests.push(
      [
        ...head,
        `upload-file = "${file}"`,
        `url = "${release}/content?name=small"`,
        `output = "${file}.json"`,
      ],
      [...head, `url = "${release}/torrent"`, `output = "${file}.torrent"`],
    );
  }
  const config = join(folder, 'curl.conf');
  writeFileSync(config, requests.map((lines) => lines.join('\n')).join('\nnext\n'));
  await host.run('curl', ['curl', '--config', config], PUBLISH_MS);
  return Array.from({ length: count }, (_, at) => swarmOf(join(folder, `small-${at}`)));
}

/** By its v2 hash: clients of BEP 52 come so. */
export function swarmOf(file: string): NamedSwarm {
  const torrent = readFileSync(`${file}.torrent`, 'latin1');
  const path = /udp:\/\/[^/]+(\/announce\/[^/]+\/announce)/.exec(torrent)?.[1];
  if (path === undefined) throw new Error(`${file}.torrent names no UDP tracker.`);
  const { infoHashV2 } = JSON.parse(readFileSync(`${file}.json`, 'utf8')) as { infoHashV2: string };
  return { infoHash: infoHashV2.slice(0, 40), path };
}
