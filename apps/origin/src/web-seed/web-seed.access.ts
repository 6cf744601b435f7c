import { Injectable } from '@nestjs/common';

import { FleetseedError } from '#lib/contracts';

import { ArtifactAccess } from '../artifacts/artifact-access.js';
import type { AuthenticatedRequest } from '../auth/authenticated-request.js';
import { TrackerKeys } from '../auth/tracker-keys.js';
import { TargetRegistry } from '../targets/target.registry.js';
import type { WebSeedPath } from './artifact.paths.js';

/** In the place of the key: the caller proves itself by a header. */
const BY_HEADER = '-';

/** Who may read over the web seed: holders of a tracker key for the artifact, and callers with a token. */
@Injectable()
export class WebSeedAccess {
  constructor(
    private readonly keys: TrackerKeys,
    private readonly targets: TargetRegistry,
    private readonly artifacts: ArtifactAccess,
  ) {}

  /** @throws TRACKER_KEY_INVALID, TOKEN_MISSING and other refusals; ARTIFACT_NOT_FOUND */
  async require(
    { key, artifact }: WebSeedPath,
    caller: AuthenticatedRequest['caller'],
  ): Promise<void> {
    if (key !== BY_HEADER) return this.#requireKey(key, artifact);
    if (caller === undefined) throw new FleetseedError('TOKEN_MISSING', 'This needs a token.');
    if (caller instanceof FleetseedError) throw caller;
    return this.artifacts.require(caller, artifact);
  }

  async #requireKey(key: string, artifact: string): Promise<void> {
    const grant = await this.keys.check(key);
    if (grant.artifact !== null && grant.artifact !== artifact) {
      throw new FleetseedError('TRACKER_KEY_INVALID', 'The key is for another artifact.');
    }
    if (grant.holder === 'target' && !(await this.targets.find(grant.id))) {
      throw new FleetseedError('TRACKER_KEY_INVALID', 'The target was removed.');
    }
  }
}
