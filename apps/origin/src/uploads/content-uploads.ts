import type { IncomingMessage } from 'node:http';

import { Inject, Injectable } from '@nestjs/common';

import { FleetseedError, type DeclaredFile, type Release, type StartUpload } from '#lib/contracts';
import { leavesLength, MAX_PACK_BYTES, PACKED_BELOW, uploadKey, type Depot } from '#lib/depot';
import { randomSecret, type Clock } from '#lib/runtime';
import { checkComponent } from '#lib/torrent';

import { requireApp, type Principal } from '../auth/principal.js';
import { ChannelsService } from '../channels/channels.service.js';
import { CollectionWindow } from '../collection/collection-window.js';
import type { OriginConfig } from '../config/origin-config.schema.js';
import { CLOCK, ORIGIN_CONFIG } from '../config/start-context.js';
import { DEPOT } from '../depot/depot.tokens.js';
import { PublishQueue } from '../publishing/publish-queue.js';
import { contentCut, contentOf, type HashedContent } from './content-hasher.js';
import { checkTree } from './declared-tree.js';
import { bodyOf } from './part-receiver.js';
import { UploadHashing } from './upload-hashing.js';
import type { PlanObject, UploadRecord } from './upload-record.js';
import { UploadStore } from './upload-store.js';

export interface ContentTarget {
  readonly app: string;
  readonly version: string;
  /** The file's name in the artifact. */
  readonly name: string;
  /** A channel to move to the release. */
  readonly channel: string | undefined;
}

/** What is kept of a file until it is published has to fit a document of the depot. */
const MAX_LEAVES_BYTES = 48 * 1024 * 1024;
const MAX_BYTES = (MAX_LEAVES_BYTES / 32) * 16_384;

/** One file that comes in one request: hashed once on its way in, then published like any upload. */
@Injectable()
export class ContentUploads {
  constructor(
    private readonly store: UploadStore,
    private readonly queue: PublishQueue,
    private readonly channels: ChannelsService,
    private readonly hashing: UploadHashing,
    private readonly window: CollectionWindow,
    @Inject(DEPOT) private readonly depot: Depot,
    @Inject(ORIGIN_CONFIG) private readonly config: OriginConfig,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * @returns the release: 201, or 200 when it was there with the same content
   * @throws VERSION_TAKEN, DEPOT_FULL, PAYLOAD_TOO_LARGE, METAINFO_PATH_INVALID
   */
  async receive(
    target: ContentTarget,
    request: IncomingMessage,
    caller: Principal,
  ): Promise<Response> {
    checkComponent(target.name);
    if (target.channel !== undefined) requireApp(caller, 'release', target.app);
    const id = Buffer.from(randomSecret(16), 'base64url').toString('hex');
    const received = await this.#store(id, request);
    const record = await this.#record(id, target, received, caller);
    await this.store.create(record);
    // From here on the record protects the content: see the window.
    await this.window.settled();
    const { release, created } = await this.queue.publishAndWait(record);
    await this.#moveChannel(target, release, caller);
    return Response.json(release, { status: created ? 201 : 200 });
  }

  async #store(id: string, request: IncomingMessage): Promise<HashedContent> {
    const length = declaredLength(request);
    const cut = contentCut(length);
    const hasher = this.hashing.open(cut);
    try {
      const chunks = hasher.through(limited(bodyOf(request)));
      await this.depot.putObject(uploadKey(id, 'content'), chunks, {
        ...(length === null ? {} : { length }),
        onDone: (chunk) => hasher.stored(chunk),
      });
      return contentOf(cut, await hasher.finish());
    } finally {
      this.hashing.close(hasher);
    }
  }

  async #record(
    id: string,
    { app, version, name }: ContentTarget,
    { bytes, root, hashes }: HashedContent,
    caller: Principal,
  ): Promise<UploadRecord> {
    const file: DeclaredFile = { path: [name], length: bytes, root, executable: false };
    const request: StartUpload = { version, name, single: true, format: 'hybrid', files: [file] };
    const { pieceLength } = checkTree(request);
    const objects = root === null ? [] : [objectOf(id, root, bytes)];
    for (const object of objects) await this.store.hashes.write(id, object, 0, hashes);
    const plan = { v: 1 as const, request, pieceLength, objects, knownRoots: [], knownFrom: [] };
    return {
      v: 1,
      upload: id,
      app,
      version,
      state: 'open',
      plan: await this.store.writePlan(id, plan),
      bytes,
      knownBytes: 0,
      createdAt: this.clock.now(),
      createdBy: caller.name,
      creator: caller.id,
      expiresAt: this.clock.now() + this.config.uploadExpirySeconds * 1000,
      error: null,
    };
  }

  async #moveChannel(target: ContentTarget, release: Release, caller: Principal): Promise<void> {
    if (target.channel === undefined) return;
    await this.channels.move(target.app, target.channel, { version: release.version }, caller);
  }
}

function objectOf(id: string, root: string, bytes: number): PlanObject {
  return {
    object: bytes < PACKED_BELOW ? 'p0' : 'f0',
    bytes,
    partBytes: Math.max(bytes, MAX_PACK_BYTES),
    entries: [{ root, length: bytes }],
    source: { object: uploadKey(id, 'content') },
  };
}

async function* limited(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > MAX_BYTES) throw tooLarge();
    yield chunk;
  }
}

function declaredLength(request: IncomingMessage): number | null {
  const header = request.headers['content-length'];
  if (header === undefined) return null;
  const length = Number(header);
  if (leavesLength(length) > MAX_LEAVES_BYTES) throw tooLarge();
  return length;
}

function tooLarge(): FleetseedError {
  return new FleetseedError(
    'PAYLOAD_TOO_LARGE',
    'One request carries at most 24 GiB; `fleetseed push` sends more, in parts.',
    { limit: MAX_BYTES },
  );
}
