import { Body, Controller, Get, Inject, Patch } from '@nestjs/common';

import { OriginLimitsChange, type OriginLimits } from '#lib/contracts';

import { Scopes } from '../auth/scopes.decorator.js';
import type { OriginConfig } from '../config/origin-config.schema.js';
import { ORIGIN_CONFIG } from '../config/start-context.js';
import { ReplicaBoard } from '../replicas/replica-board.js';
import { ArtifactIndexService } from '../tracker/artifact-index.service.js';
import { FleetLimits } from './fleet-limits.js';

/** How fast each replica seeds to peers; what is set here holds for all of them, and for good. */
@Controller('api/v1/limits')
export class LimitsController {
  constructor(
    @Inject(ORIGIN_CONFIG) private readonly config: OriginConfig,
    private readonly limits: FleetLimits,
    private readonly artifacts: ArtifactIndexService,
    @Inject(ReplicaBoard) private readonly board: ReplicaBoard,
  ) {}

  @Get()
  @Scopes('fleet:read')
  get(): OriginLimits {
    const { artifacts, upload, download } = this.limits.current;
    return {
      upload: upload === undefined ? this.config.uploadLimit : upload,
      download: download ?? null,
      artifacts: Object.entries(artifacts).map(([artifact, own]) => ({
        artifact,
        upload: own.upload,
        download: own.download,
      })),
      set: {
        ...(upload === undefined ? {} : { upload }),
        ...(download === undefined ? {} : { download }),
      },
      seeders: this.board.alive().filter(({ roles }) => roles.includes('seed')).length,
    };
  }

  @Patch()
  @Scopes('admin')
  async change(
    @Body({ schema: OriginLimitsChange }) change: OriginLimitsChange,
  ): Promise<OriginLimits> {
    const { artifact } = change;
    // Limits of what is gone meanwhile can still be lifted.
    if (artifact !== undefined && !this.limits.current.artifacts[artifact]) {
      await this.artifacts.get(artifact);
    }
    await this.limits.change(change);
    return this.get();
  }
}
