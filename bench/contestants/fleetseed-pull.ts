import { basename, join } from 'node:path';

import type { Program } from '../net/program.ts';
import type { Contestant, Race, Stage } from './contestant.types.ts';
import { APP, FLEETSEED, fleetseedVersion, startOrigin, VERSION } from './fleetseed-origin.ts';

/** An origin that seeds and a `fleetseed pull` on every host; its CPU time has the start of Node in it. */
export const fleetseedPull: Contestant = {
  name: 'fleetseed',
  version: fleetseedVersion(),
  debianPackage: null,
  clock:
    '`fleetseed pull`: the `seconds` it reports, from asking the origin for the release until ' +
    'everything is verified (SHA-256) and in its place; its CPU includes the start of Node',
  settings: 'defaults',
  async prepare(stage: Stage): Promise<Race> {
    const { payload, network } = stage;
    const { others } = network;
    const origin = await startOrigin(stage);
    const downloaders: Program[] = [];
    const folderOf = (host: number) => join(stage.folder, others[host]!.name);
    return {
      seed: origin.program,
      downloaders,
      start(starting) {
        for (const index of starting) {
          const host = others[index]!;
          const words = [
            [FLEETSEED, 'pull', `${APP}@${VERSION}`, '--out', folderOf(index), '--json'],
            ['--origin', origin.url, '--token-file', origin.adminToken],
            // It goes on seeding, so that its figures can be read when it is done.
            ['--listen', `${host.address}:0`, '--seed'],
          ];
          downloaders[index] = host.start('fleetseed pull', words);
        }
        return Promise.resolve();
      },
      async complete(host, patienceMs) {
        return Number((await downloaders[host]!.event('done', patienceMs))['seconds']);
      },
      // A tree has the name of its app.
      contentOf: (host) => join(folderOf(host), payload.tree ? APP : basename(payload.path)),
    };
  },
};
