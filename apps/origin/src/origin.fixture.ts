import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { StartUpload, Upload, UploadObject } from '#lib/contracts';
import { fileRoot, leafHashesOf } from '#lib/torrent';

import { checkConfig } from './config/config-parser.js';
import { startOrigin, type RunningOrigin, type StartOptions } from './origin.js';

export interface Answer<T> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}

/** An origin of its own in a temporary folder, which survives `restart`. */
export class TestOrigin {
  #running: RunningOrigin;

  private constructor(
    readonly folder: string,
    readonly admin: string,
    running: RunningOrigin,
    private readonly options: Readonly<Record<string, unknown>>,
    private readonly start: StartOptions,
  ) {
    this.#running = running;
  }

  static async start(
    options: Readonly<Record<string, unknown>> = {},
    start: StartOptions = {},
  ): Promise<TestOrigin> {
    const folder = await mkdtemp(join(tmpdir(), 'fleetseed-origin-'));
    const running = await startOrigin(configOf(folder, options), start);
    const admin = (await readFile(join(folder, 'admin-token'), 'utf8')).trim();
    return new TestOrigin(folder, admin, running, options, start);
  }

  get api(): string {
    return `${this.#running.ready.api}/api/v1`;
  }

  get running(): RunningOrigin {
    return this.#running;
  }

  async restart(between: () => Promise<void> = async () => undefined): Promise<void> {
    await this.#running.close();
    await between();
    this.#running = await startOrigin(configOf(this.folder, this.options), this.start);
  }

  async stop(): Promise<void> {
    await this.#running.close();
    await rm(this.folder, { recursive: true });
  }

  async call<T>(method: string, path: string, options: CallOptions = {}): Promise<Answer<T>> {
    const { token = this.admin, json, body, headers = {} } = options;
    const init: RequestInit & { duplex?: 'half' } = {
      method,
      headers: {
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...(json === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
    };
    if (json !== undefined) init.body = JSON.stringify(json);
    if (body !== undefined) {
      init.body = body;
      init.duplex = 'half';
    }
    const answer = await fetch(`${this.api}${path}`, init);
    const text = await answer.text();
    return {
      status: answer.status,
      headers: answer.headers,
      body: (text.startsWith('{') ? JSON.parse(text) : text) as T,
    };
  }

  /** A token with these scopes. */
  async token(...scopes: string[]): Promise<{ id: string; secret: string }> {
    const { body } = await this.call<{ token: string; secret: string }>('POST', '/tokens', {
      json: { name: scopes.join(' '), scopes },
    });
    return { id: body.token, secret: body.secret };
  }

  /** Pushes a tree as the CLI does. */
  async push(app: string, tree: TestTree, token?: string): Promise<Upload> {
    const options = token === undefined ? {} : { token };
    const begun = await this.call<Upload>('POST', `/apps/${app}/uploads`, {
      ...options,
      json: tree.request,
    });
    if (begun.status !== 200) throw new Error(JSON.stringify(begun.body));
    for (const object of begun.body.objects) await this.sendObject(begun.body, object, tree, token);
    await this.call('POST', `/uploads/${begun.body.upload}/complete`, options);
    return this.ended(begun.body.upload, token);
  }

  async sendObject(
    upload: Upload,
    object: UploadObject,
    tree: TestTree,
    token?: string,
  ): Promise<void> {
    const bytes = tree.bytesOf(object);
    const lacking = Array.from({ length: Math.ceil(object.bytes / object.partBytes) }).keys();
    for (const part of lacking) {
      if (object.received.includes(part)) continue;
      const body = bytes.subarray(part * object.partBytes, (part + 1) * object.partBytes);
      const { status, body: answer } = await this.sendPart(upload, object, part, body, token);
      if (status !== 200) throw new Error(JSON.stringify(answer));
    }
  }

  async sendPart(
    upload: Upload,
    { object }: Pick<UploadObject, 'object'>,
    part: number,
    body: Uint8Array,
    token?: string,
    digest = createHash('sha256').update(body).digest('base64'),
  ): Promise<Answer<{ received?: boolean; code?: string }>> {
    return this.call('PUT', `/uploads/${upload.upload}/objects/${object}/parts/${part}`, {
      ...(token === undefined ? {} : { token }),
      body: Uint8Array.from(body),
      headers: { 'content-digest': `sha-256=:${digest}:` },
    });
  }

  /** The last event of the upload's stream. */
  async ended(id: string, token = this.admin): Promise<Upload> {
    const answer = await fetch(`${this.api}/uploads/${id}/events`, {
      headers: { authorization: `Bearer ${token}` },
    });
    const events = (await answer.text()).match(/^data: .*$/gm) ?? [];
    return JSON.parse(events.at(-1)!.slice('data: '.length)) as Upload;
  }
}

interface CallOptions {
  /** The admin token by default; null for none. */
  readonly token?: string | null;
  readonly json?: unknown;
  readonly body?: NonNullable<RequestInit['body']>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Files in memory, and the declaration that a client would make of them. */
export class TestTree {
  readonly #byRoot = new Map<string, Buffer>();
  readonly request: StartUpload;

  constructor(
    readonly files: Readonly<Record<string, Buffer>>,
    options: Partial<StartUpload> = {},
  ) {
    const single = options.single ?? false;
    this.request = {
      version: '1.0.0',
      name: single ? Object.keys(files)[0]! : 'tree',
      single,
      format: single ? 'hybrid' : 'v2',
      files: Object.entries(files).map(([path, bytes]) => ({
        path: path.split('/'),
        length: bytes.length,
        root: this.#rootOf(bytes),
        executable: false,
      })),
      ...options,
    };
  }

  bytesOf(object: UploadObject): Buffer {
    return Buffer.concat(object.entries.map(({ root }) => this.#byRoot.get(root)!));
  }

  #rootOf(bytes: Buffer): string | null {
    const root = fileRoot(leafHashesOf(bytes), bytes.length)?.toString('hex') ?? null;
    if (root !== null) this.#byRoot.set(root, bytes);
    return root;
  }
}

/** Bytes that look random and are the same in every run. */
export function noise(length: number, seed: string): Buffer {
  return createHash('shake256', { outputLength: length }).update(seed).digest();
}

function configOf(folder: string, options: Readonly<Record<string, unknown>>) {
  return checkConfig({ data: folder, listen: '127.0.0.1:0', ...options });
}
