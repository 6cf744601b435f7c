import { Injectable } from '@nestjs/common';
import type { Request } from 'express';

import { randomSecret } from '#lib/runtime';
import { checkComponent } from '#lib/torrent';

import { requireApp, type Principal } from '../auth/principal.js';
import { ChannelsService } from '../channels/channels.service.js';
import { PublishQueue } from '../publishing/publish-queue.js';
import { bodyOf } from './incoming-body.js';
import { SingleFileUploads, type FileTarget } from './single-file-uploads.js';

export interface ContentTarget extends FileTarget {
  /** A channel to move to the release. */
  readonly channel: string | undefined;
}

/** One file that comes in one request: hashed once on its way in, then published like any upload. */
@Injectable()
export class ContentUploads {
  constructor(
    private readonly files: SingleFileUploads,
    private readonly queue: PublishQueue,
    private readonly channels: ChannelsService,
  ) {}

  /**
   * @returns the release: 201, or 200 when it was there with the same content
   * @throws VERSION_TAKEN, DEPOT_FULL, PAYLOAD_TOO_LARGE, METAINFO_PATH_INVALID
   */
  async receive(target: ContentTarget, request: Request, caller: Principal): Promise<Response> {
    const { app, version, name, channel } = target;
    checkComponent(name);
    if (channel !== undefined) requireApp(caller, 'release', app);
    const id = Buffer.from(randomSecret(16), 'base64url').toString('hex');
    const header = request.headers['content-length'];
    const length = header === undefined ? null : Number(header);
    const file = await this.#gather(id, request, length);
    const record = await this.files.record(id, target, file, caller);
    const { release, created } = await this.queue.publishAndWait(record);
    if (channel !== undefined) await this.channels.move(app, channel, { version }, caller);
    return Response.json(release, { status: created ? 201 : 200 });
  }

  async #gather(id: string, request: Request, length: number | null) {
    const body = bodyOf(request);
    try {
      return await this.files.gather(id, body, length);
    } finally {
      body.discard();
    }
  }
}
