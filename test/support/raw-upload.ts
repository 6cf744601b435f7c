import { createHash } from 'node:crypto';

import type { Release, StartUpload, Upload } from '#lib/contracts';
import { fileRoot, leafHashesOf } from '#lib/torrent';

import { callApi, type ApiAnswer, type Refusal } from './origin-api.js';
import type { OriginProcess } from './sandbox.js';

export interface PartOptions {
  /** What the header claims; the SHA-256 of what is sent by default. */
  readonly digest?: Buffer;
}

/** An upload of one file of at least 1 MiB that is driven request by request, as no client would. */
export class RawUpload {
  readonly request: StartUpload;
  /** The plan; set by `start`. */
  upload!: Upload;

  constructor(
    /** May be another one after a restart. */
    public origin: Pick<OriginProcess, 'url' | 'adminToken'>,
    readonly app: string,
    version: string,
    readonly content: Buffer,
  ) {
    const root = fileRoot(leafHashesOf(content), content.length)!.toString('hex');
    const file = { path: ['build.bin'], length: content.length, root, executable: false };
    this.request = { version, name: 'build.bin', single: true, format: 'hybrid', files: [file] };
  }

  async start(): Promise<Upload> {
    const path = `/api/v1/apps/${this.app}/uploads`;
    const answer = await callApi<Upload>(this.origin, 'POST', path, { json: this.request });
    if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
    this.upload = answer.body;
    return answer.body;
  }

  get partCount(): number {
    const [object] = this.upload.objects;
    return Math.ceil(object!.bytes / object!.partBytes);
  }

  /** The right bytes of a part. */
  partOf(part: number): Buffer {
    const { partBytes } = this.upload.objects[0]!;
    return this.content.subarray(part * partBytes, (part + 1) * partBytes);
  }

  sendPart(
    part: number,
    bytes: Uint8Array = this.partOf(part),
    { digest = createHash('sha256').update(bytes).digest() }: PartOptions = {},
  ): Promise<ApiAnswer<Refusal>> {
    const { upload, objects } = this.upload;
    const path = `/api/v1/uploads/${upload}/objects/${objects[0]!.object}/parts/${part}`;
    return callApi(this.origin, 'PUT', path, {
      body: Uint8Array.from(bytes),
      headers: { 'content-digest': `sha-256=:${digest.toString('base64')}:` },
    });
  }

  /** The parts that the origin says it has. */
  async received(): Promise<readonly number[]> {
    return (await this.look()).objects[0]?.received ?? [];
  }

  async look(): Promise<Upload> {
    const path = `/api/v1/uploads/${this.upload.upload}`;
    const { status, body } = await callApi<Upload>(this.origin, 'GET', path);
    if (status !== 200) throw new Error(JSON.stringify(body));
    return body;
  }

  complete(): Promise<ApiAnswer<Upload>> {
    return callApi(this.origin, 'POST', `/api/v1/uploads/${this.upload.upload}/complete`);
  }

  /** The release, or null while there is none. */
  async release(): Promise<Release | null> {
    const path = `/api/v1/apps/${this.app}/releases/${this.request.version}`;
    const { status, body } = await callApi<Release>(this.origin, 'GET', path);
    return status === 200 ? body : null;
  }
}
