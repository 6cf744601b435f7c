import { Injectable } from '@nestjs/common';

import { MasterSecret } from '../depot/master-secret.js';

const LABEL = 'fleetseed-swarm-1';

/** What the members of a swarm prove that they hold; the same on every replica and after restarts. */
@Injectable()
export class SwarmSecrets {
  constructor(private readonly master: MasterSecret) {}

  /** 32 bytes for the artifact with this v2 info-hash (hex). Never logged, never written. */
  of(artifact: string): Buffer {
    return this.master.derive(LABEL, Buffer.from(artifact, 'hex'));
  }
}
