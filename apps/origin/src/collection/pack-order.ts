import { PackIndex, packKey, type BlobFile } from '#lib/depot';

import type { Condemned } from './condemned.js';

/**
 * An order of the files that makes no pack which is condemned: that one may be about to go, while a
 * new one has its whole grace before it. Null if there is none: another time, when that one is gone.
 */
export function unlikeCondemned<F extends BlobFile>(
  files: readonly F[],
  condemned: Condemned,
): F[] | null {
  for (let turn = 0; turn < files.length; turn++) {
    const ordered = [...files.slice(turn), ...files.slice(0, turn)];
    if (!condemned.has(packKey(PackIndex.of(ordered).id))) return ordered;
  }
  return null;
}
