import type { Session } from '#lib/swarm';

import type { LimitsDocument } from '../limits/limits.document.js';

const NO_LIMITS = { upload: null, download: null };

/**
 * Makes a session hold to what was set for all replicas, also while it sends.
 * @param ownUpload what this replica was started with, bytes a second: holds where nothing was set
 */
export function holdTo(
  { upload, download, artifacts }: LimitsDocument,
  ownUpload: number | null,
  session: Pick<Session, 'artifactLimits' | 'setArtifactLimits' | 'setLimits'>,
): void {
  session.setLimits({
    upload: upload === undefined ? ownUpload : upload,
    download: download ?? null,
  });
  for (const artifact of session.artifactLimits.keys()) {
    if (!artifacts[artifact]) session.setArtifactLimits(Buffer.from(artifact, 'hex'), NO_LIMITS);
  }
  for (const [artifact, limits] of Object.entries(artifacts)) {
    session.setArtifactLimits(Buffer.from(artifact, 'hex'), limits);
  }
}
