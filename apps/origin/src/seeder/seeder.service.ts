import { Injectable } from '@nestjs/common';

import type { PeerFrame } from '#lib/contracts';

/** What the origin seeds to peers. Nothing yet: the engine is not wired in. */
@Injectable()
export class SeederService {
  activeCount = 0;
  connectionCount = 0;
  frames(_artifact: string): PeerFrame[] {
    return [];
  }
}
