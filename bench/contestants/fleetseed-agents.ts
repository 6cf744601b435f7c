import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import type { Contestant, Race, Stage } from './contestant.types.ts';
import { APP, FLEETSEED, fleetseedVersion, startOrigin, VERSION } from './fleetseed-origin.ts';

const CHANNEL = 'stable';
const PEER_PORT = 7071;
/** After the last agent has joined: what starting did to the machine is over. */
const SETTLE_MS = 2000;

/** An origin that seeds and an agent on every host; moving the channel starts them all. */
export const fleetseedAgents: Contestant = {
  name: 'fleetseed',
  version: fleetseedVersion(),
  clock:
    'agents run and wait; from just before the request that moves the channel until an agent prints ' +
    '`staged`: everything verified (SHA-256), durable and in its place',
  settings: 'defaults',
  async prepare(stage: Stage): Promise<Race> {
    const { origin: originHost, others } = stage.network;
    const origin = await startOrigin(stage);
    const folderOf = (host: number) => join(stage.folder, others[host]!.name);
    const downloaders = others.map((host, index) =>
      host.start('fleetseed agent', [
        [FLEETSEED, 'agent', '--origin', origin.url, '--data', folderOf(index)],
        ['--listen', `${host.address}:${PEER_PORT}`, '--hostname', host.name],
        ['--join-token-file', origin.joinToken, '--app', `${APP}@${CHANNEL}`],
        ['--log-level', 'warn'],
      ]),
    );
    await Promise.all(downloaders.map((agent) => agent.event('ready')));
    await pause(SETTLE_MS);
    let began = 0;
    return {
      seed: origin.program,
      downloaders,
      async start() {
        const token = readFileSync(origin.adminToken, 'utf8').trim();
        began = performance.now();
        await originHost.run('curl', [
          ['curl', '-sS', '--fail-with-body', '-X', 'PUT', '-d', `{"version":"${VERSION}"}`],
          ['-H', 'content-type: application/json', '-H', `authorization: Bearer ${token}`],
          `${origin.url}/api/v1/apps/${APP}/channels/${CHANNEL}`,
        ]);
      },
      complete: async (host) => ((await downloaders[host]!.event('staged')).at - began) / 1000,
      fileOf: (host) => join(folderOf(host), 'apps', APP, 'current', 'payload.bin'),
    };
  },
};
