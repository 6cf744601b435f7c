import { Inject, Injectable } from '@nestjs/common';

import type { PartUrl } from '#lib/contracts';
import type { Depot } from '#lib/depot';
import type { Clock } from '#lib/runtime';

import { CLOCK } from '../config/start-context.js';
import { DEPOT } from '../depot/depot.tokens.js';
import { partInvalid } from './upload-errors.js';
import { partCountOf, partLengthOf } from './upload-planner.js';
import type { UploadRecord } from './upload-record.js';
import { UploadStore } from './upload-store.js';

/** Long enough for the slowest part; whoever takes longer asks again. */
const SECONDS = 3600;

/** URLs by which parts go straight to the store of the depot. */
@Injectable()
export class PartUrls {
  constructor(
    private readonly store: UploadStore,
    @Inject(DEPOT) private readonly depot: Depot,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** @throws PART_INVALID for a part that is not there, or is sent to the origin */
  async of(record: UploadRecord, object: string, part: number): Promise<PartUrl> {
    const plan = await this.store.plan(record);
    const planned = plan.objects.find((each) => each.object === object);
    const { direct } = this.depot;
    if (!planned || part >= partCountOf(planned) || !direct || !('direct' in planned.source)) {
      throw partInvalid('The upload has no such part that goes by a URL.', { object, part });
    }
    const expiresAt = this.clock.now() + SECONDS * 1000;
    const url = await direct.urlOf(planned.source.direct, part, SECONDS);
    return { url, bytes: partLengthOf(planned, part), expiresAt };
  }
}
