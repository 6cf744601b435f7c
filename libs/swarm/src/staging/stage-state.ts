import { join } from 'node:path';

import type { Metainfo } from '#lib/torrent';

/** Where a stage keeps what must survive a kill: which pieces are there, and where they came from. */
export function statePath(folder: string, metainfo: Metainfo, kind: 'resume' | 'account'): string {
  return join(folder, `${metainfo.infoHashV2!.toString('hex')}.${kind}`);
}
