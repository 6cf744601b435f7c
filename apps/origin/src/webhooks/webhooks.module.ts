import { Module } from '@nestjs/common';

import { ORIGIN_CONFIG } from '../config/start-context.js';
import { DepotModule } from '../depot/depot.module.js';
import { EventsModule } from '../events/events.module.js';
import { JobsModule } from '../jobs/jobs.module.js';
import { Notifier } from './notifier.js';
import { Outbox } from './outbox.js';
import { WEBHOOK_TARGET, webhookTargetOf } from './webhook.target.js';

@Module({
  imports: [DepotModule, EventsModule, JobsModule],
  providers: [
    { provide: WEBHOOK_TARGET, useFactory: webhookTargetOf, inject: [ORIGIN_CONFIG] },
    Outbox,
    Notifier,
  ],
  exports: [Outbox],
})
export class WebhooksModule {}
