import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';

import { syncFolder, type Clock } from '#lib/runtime';

import { recordSignatures } from '../disk/installed-tree.store.js';
import { lstatPath } from '../disk/raw-file.js';
import { StageAccount, type StageBytes } from './stage-account.js';
import { statePath } from './stage-state.js';
import { verifyInstalled, type VerifyInstalledOptions } from './verify-installed.js';

export interface AdoptOptions extends VerifyInstalledOptions {
  /** As `StageOptions.container`. */
  readonly container: string;
  /** As `StageOptions.stateFolder`: a stage that was cut off after its rename left its account there. */
  readonly stateFolder: string;
  /** As `InstalledSeedOptions.signaturesFile`. */
  readonly signaturesFile: string;
  readonly clock: Clock;
}

/**
 * Takes over an artifact that stands under its final name although nobody remembers it: the process was
 * killed right after the rename, or its journal is lost. It may be in use, so it stays where it is.
 *
 * @returns where its bytes came from, as far as that is known; null when it is not there, or not whole
 */
export async function adoptArtifact(options: AdoptOptions): Promise<StageBytes | null> {
  const { container, root, hasher, metainfo, stateFolder, signaturesFile, clock } = options;
  if ((await lstatPath(container)) === null) return null;
  const right = await verifyInstalled(options);
  if (!right.all) return null;
  await syncFolder(dirname(container));
  const signatures = await recordSignatures(root, metainfo, hasher.smallFiles);
  await signatures.save(signaturesFile, metainfo.infoHashV2!);
  const account = await StageAccount.open(statePath(stateFolder, metainfo, 'account'), clock);
  await account.remove();
  await rm(statePath(stateFolder, metainfo, 'resume'), { force: true });
  const { total } = account;
  const isKnown = total.fromOrigin + total.fromPeers + total.reused > 0;
  return isKnown ? total : { ...total, reused: metainfo.length };
}
