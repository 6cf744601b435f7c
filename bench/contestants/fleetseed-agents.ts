import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { Program } from '../net/program.ts';
import { ARIA2_SETTINGS, ARIA2_VERSION, Aria2Host } from './aria2-host.ts';
import type { Contestant, HostPlan, Race, Stage } from './contestant.types.ts';
import { APP, FLEETSEED, fleetseedVersion, startOrigin, VERSION } from './fleetseed-origin.ts';

const PEER_PORT = 7071;
/** After the last agent has joined: what starting did to the machine is over. */
const SETTLE_MS = 2000;
const CLOCK =
  'agents run and wait; from just before the request that moves the channel until an agent prints ' +
  '`staged`: everything verified (SHA-256), durable and in its place';

/** An origin that seeds and an agent on every host; moving the channel starts them all. */
export const fleetseedAgents: Contestant = {
  name: 'fleetseed',
  version: fleetseedVersion(),
  debianPackage: null,
  clock: CLOCK,
  settings: 'defaults',
  prepare: (stage) => prepare(stage, []),
};

/** With some hosts that run aria2: strangers, let in because they announce themselves with a key. */
export const fleetseedAndAria2: Contestant = {
  name: 'fleetseed and aria2',
  version: ARIA2_VERSION === null ? null : `${fleetseedVersion()}, aria2 ${ARIA2_VERSION}`,
  debianPackage: 'aria2',
  clock: `${CLOCK}; of aria2 from giving it the torrent until its hook for a complete download`,
  settings:
    '`--peer-access announced`, which lets announced strangers in, else defaults; aria2 joins with the ' +
    `v1 edition that \`torrent get\` writes; ${ARIA2_SETTINGS}`,
  prepare: (stage) => prepare(stage, ['--peer-access', 'announced']),
};

function labelsOf({ zone }: HostPlan): string[] {
  return zone === null ? [] : ['--label', `zone=zone-${zone}`];
}

async function prepare(stage: Stage, originFlags: readonly string[]): Promise<Race> {
  const { payload, plans } = stage;
  const { origin: originHost, others } = stage.network;
  const origin = await startOrigin(stage, originFlags);
  const torrentFile = join(stage.folder, 'release.torrent');
  if (plans.some(({ client }) => client === 'aria2')) {
    await originHost.run('torrent get', [
      [FLEETSEED, 'torrent', 'get', `${APP}@${VERSION}`, '--out', torrentFile],
      ['--origin', origin.url, '--token-file', origin.adminToken],
    ]);
  }
  const folderOf = (host: number) => join(stage.folder, others[host]!.name);
  const channelOf = (host: number) => `after-${plans[host]!.startsAfter}`;
  const hosts = others.map((host, index) => {
    if (plans[index]!.client === 'aria2') return new Aria2Host(host, folderOf(index));
    return host.start('fleetseed agent', [
      [FLEETSEED, 'agent', '--origin', origin.url, '--data', folderOf(index)],
      ['--listen', `${host.address}:${PEER_PORT}`, '--hostname', host.name],
      ['--join-token-file', origin.joinToken, '--app', `${APP}@${channelOf(index)}`],
      ['--log-level', 'warn', ...labelsOf(plans[index]!)],
    ]);
  });
  const agents = hosts.filter((host) => host instanceof Program);
  await Promise.all(agents.map((agent) => agent.event('ready')));
  await pause(SETTLE_MS);
  const token = readFileSync(origin.adminToken, 'utf8').trim();
  const began = others.map(() => 0);
  return {
    seed: origin.program,
    downloaders: hosts.map((host) => (host instanceof Aria2Host ? host.program : host)),
    async start(starting) {
      for (const index of starting) {
        began[index] = performance.now();
        const host = hosts[index]!;
        if (host instanceof Aria2Host) host.begin(torrentFile);
      }
      const own = starting.filter((index) => !(hosts[index] instanceof Aria2Host));
      const channels = new Set(own.map(channelOf));
      for (const channel of channels) {
        await originHost.run('curl', [
          ['curl', '-sS', '--fail-with-body', '-X', 'PUT', '-d', `{"version":"${VERSION}"}`],
          ['-H', 'content-type: application/json', '-H', `authorization: Bearer ${token}`],
          `${origin.url}/api/v1/apps/${APP}/channels/${channel}`,
        ]);
      }
    },
    async complete(index, patienceMs) {
      const host = hosts[index]!;
      if (host instanceof Aria2Host) return host.complete(patienceMs);
      const { at } = await host.event('staged', patienceMs);
      // What follows is not delivery, but its end is where the content is looked for.
      await host.event('active', patienceMs);
      return (at - began[index]!) / 1000;
    },
    contentOf(index) {
      const host = hosts[index]!;
      if (host instanceof Aria2Host) return host.contentOf(payload.path);
      const current = join(folderOf(index), 'apps', APP, 'current');
      return payload.tree ? current : join(current, basename(payload.path));
    },
  };
}
