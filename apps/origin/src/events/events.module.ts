import { Module } from '@nestjs/common';

import { OriginEvents } from './origin-events.js';

@Module({ providers: [OriginEvents], exports: [OriginEvents] })
export class EventsModule {}
