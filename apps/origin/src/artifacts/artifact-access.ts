import { Injectable } from '@nestjs/common';

import { FleetseedError } from '#lib/contracts';

import { mayApp, type Principal } from '../auth/principal.js';
import { ReleaseCatalog } from '../releases/release-catalog.js';
import { unknownArtifact } from './artifact-library.js';

/** Who may read an artifact: whoever may read an app that has it. */
@Injectable()
export class ArtifactAccess {
  constructor(private readonly catalog: ReleaseCatalog) {}

  /** @throws ARTIFACT_NOT_FOUND also for artifacts of apps the caller may not read */
  async require(caller: Principal, artifact: string): Promise<void> {
    const releases = await this.catalog.ofArtifact(artifact);
    if (releases.some(({ app }) => mayApp(caller, 'read', app))) return;
    throw unknownArtifact(artifact);
  }

  /** Those of `artifacts` that the caller may read. */
  async readable(caller: Principal, artifacts: readonly string[]): Promise<string[]> {
    const allowed: string[] = [];
    for (const artifact of artifacts) {
      try {
        await this.require(caller, artifact);
        allowed.push(artifact);
      } catch (error) {
        if (!(error instanceof FleetseedError) || error.code !== 'ARTIFACT_NOT_FOUND') throw error;
      }
    }
    return allowed;
  }
}
