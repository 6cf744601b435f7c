import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { versionOf } from '../net/command.ts';
import type { TrackerContestant } from './tracker.types.ts';

/** Debian builds it so that it serves listed info-hashes only, and it wants no root's rights. */
export const opentracker: TrackerContestant = {
  name: 'opentracker',
  package: 'opentracker',
  version: versionOf(
    /^opentracker ([^\s-]+)/,
    'dpkg-query',
    '-W',
    '-f=${Package} ${Version}',
    'opentracker',
  ),
  settings: 'defaults; all info-hashes on its white list, as its Debian package needs it',
  start(host, folder, hashes) {
    const root = join(folder, 'opentracker');
    mkdirSync(root);
    writeFileSync(join(root, 'hashes'), hashes.map((hash) => `${hash.toUpperCase()}\n`).join(''));
    // It goes into this folder as nobody.
    for (const each of [folder, root]) chmodSync(each, 0o755);
    const where = ['-i', host.address, '-P', '6969', '-p', '6969'];
    const words = ['opentracker', where, '-d', root, '-w', 'hashes', '-u', 'nobody'];
    return Promise.resolve({ programs: [host.start('opentracker', words)] });
  },
};
