import { randomBytes } from 'node:crypto';

import { Injectable } from '@nestjs/common';

import { MAX_BATCH, Tracker, type AnnounceRequest } from '#lib/tracker';
import { formatIpPort } from '#lib/wire';

import type { AnnounceBatch } from '../targets/agent.requests.js';
import { swarmIdOf } from './artifact.index.js';
import { peerAddressOf } from './peer-address.js';
import { TrackerAuthorizer } from './tracker.authorizer.js';

/** Announces that agents make over their control link, everything they hold at once. */
@Injectable()
export class AgentAnnouncesService {
  constructor(
    private readonly tracker: Tracker,
    private readonly authorizer: TrackerAuthorizer,
  ) {}

  /** Artifacts that are not known any more do no harm to the others. @throws REQUEST_INVALID */
  async announce(target: string, batch: AnnounceBatch, remoteAddress: string): Promise<void> {
    const caller = await this.authorizer.member(target);
    const { host, port } = await peerAddressOf(batch.peerAddress, remoteAddress);
    const advertise = formatIpPort({ host, port });
    // A record is known by its address; the peer id of a batch is only filled in.
    const peerId = randomBytes(20);
    const requests = batch.announces.map(({ artifact, left }): AnnounceRequest => ({
      infoHash: Buffer.from(swarmIdOf(artifact), 'hex'),
      peerId,
      port,
      left,
      event: 'none',
      numWant: 0,
      remoteAddress,
      advertise,
    }));
    for (let at = 0; at < requests.length; at += MAX_BATCH) {
      await this.tracker.announceMany(requests.slice(at, at + MAX_BATCH), caller);
    }
  }
}
