import { setTimeout as sleep } from 'node:timers/promises';

import {
  FleetseedError,
  knownCode,
  Upload,
  type ErrorCode,
  type StartUpload,
} from '#lib/contracts';
import { deadline, retry, Unrecoverable } from '#lib/runtime';

import type { Connection } from '../connection/connection.js';
import type { OriginApi } from '../connection/origin-api.js';
import { route } from '../connection/route.js';
import type { PartReader } from './part.reader.js';
import { sendParts } from './part.sender.js';
import { mayPass, PATIENCE } from './passing-errors.js';
import { lackingBytes, lackingParts } from './upload-plan.js';

/** What the one who waits is shown. */
export interface UploadWatcher {
  /** Bytes sent of those that were lacking, and bytes the origin had already. */
  sending(sent: number, lacking: number, known: number): void;
  retrying(error: unknown, delayMs: number): void;
  /** 0 to 1. */
  publishing(progress: number): void;
}

export interface UploadOptions {
  readonly api: OriginApi;
  readonly connection: Connection;
  readonly app: string;
  readonly request: StartUpload;
  readonly reader: PartReader;
  readonly parallel: number;
  readonly watcher: UploadWatcher;
  readonly signal: AbortSignal;
}

export interface UploadResult {
  readonly upload: Upload;
  /** Bytes sent by this run; a part that was sent again counts once. */
  readonly sentBytes: number;
}

/** Asking again may take the time of a large tree. */
const START_TIMEOUT_MS = 180_000;
const ROUNDS = 3;
/** Parts under way together have no more bytes than this, if there is one that fits. */
const MEMORY_BYTES = 256 * 1024 * 1024;
const POLL_MS = 250;
/** A stream of events is given up for a plain question after this long, milliseconds. */
const STREAM_MS = 15_000;
/** An upload that did not move for this long while it is published will not, milliseconds. */
const STALLED_MS = 600_000;

/** The upload is not as it was planned any more: expired, or another replica lost parts. */
const PLAN_AGAIN = new Set<ErrorCode>(['UPLOAD_INCOMPLETE', 'UPLOAD_NOT_FOUND', 'UPLOAD_EXPIRED']);

/**
 * Brings a release to the origin: asks what is lacking, sends that, and waits until the release is
 * published. Starting again with the same request resumes, so a run that was cut off costs only
 * what was under way.
 *
 * @throws FleetseedError of the origin: VERSION_TAKEN, FORBIDDEN, ROOT_MISMATCH, DEPOT_FULL and others
 */
export async function uploadRelease(options: UploadOptions): Promise<UploadResult> {
  let sentBytes = 0;
  for (let round = 1; ; round++) {
    const upload = await start(options);
    if (upload.state === 'published') return { upload, sentBytes };
    try {
      if (upload.state === 'open') await send(upload, options, (bytes) => (sentBytes += bytes));
      return { upload: await publish(upload, options), sentBytes };
    } catch (error) {
      const again = error instanceof FleetseedError && PLAN_AGAIN.has(error.code);
      if (!again || round === ROUNDS) throw error;
    }
  }
}

async function start({ api, app, request, signal, watcher }: UploadOptions): Promise<Upload> {
  return patiently(signal, watcher, () =>
    api.client.call({
      method: 'POST',
      path: `/api/v1${route`/apps/${app}/uploads`}`,
      json: request,
      answer: Upload,
      timeoutMs: START_TIMEOUT_MS,
      signal,
    }),
  );
}

async function send(
  upload: Upload,
  options: UploadOptions,
  count: (bytes: number) => void,
): Promise<void> {
  const { watcher, connection, reader, parallel, signal } = options;
  const lacking = lackingBytes(upload);
  let sent = 0;
  watcher.sending(sent, lacking, upload.knownBytes);
  await sendParts(lackingParts(upload), {
    upload: upload.upload,
    open: () => connection.open(),
    parallel: lanesFor(upload, parallel),
    read: (part, room) => reader.read(part, room),
    rootOf: (part) => reader.rootOf(part),
    onSent: (bytes) => {
      count(bytes);
      watcher.sending((sent += bytes), lacking, upload.knownBytes);
    },
    onRetry: (error, delayMs) => watcher.retrying(error, delayMs),
    signal,
  });
}

/** Each request has its part in memory, and parts of a huge file are large. */
function lanesFor({ objects }: Upload, wanted: number): number {
  const largest = objects.reduce((most, { partBytes }) => Math.max(most, partBytes), 1);
  return Math.max(1, Math.min(wanted, Math.floor(MEMORY_BYTES / largest)));
}

async function publish(upload: Upload, options: UploadOptions): Promise<Upload> {
  const { api, signal, watcher } = options;
  const path = route`/uploads/${upload.upload}`;
  let state = await patiently(signal, watcher, () =>
    api.send('POST', `${path}/complete`, {}, Upload),
  );
  let movedAt = performance.now();
  while (!isSettled(state)) {
    if (performance.now() - movedAt > STALLED_MS) {
      throw new FleetseedError('TIMED_OUT', 'The origin has the bytes, but does not publish them.');
    }
    const before = state;
    state = await nextState(path, options, state);
    if (state.progress !== before.progress) movedAt = performance.now();
  }
  if (state.state === 'published') return state;
  const { code, detail } = state.error ?? { code: 'INTERNAL', detail: 'Publishing failed.' };
  throw new FleetseedError(knownCode(code), detail);
}

/** Follows the events for a while; where they do not come through (a proxy), it asks instead. */
async function nextState(path: string, options: UploadOptions, last: Upload): Promise<Upload> {
  const { api, signal, watcher } = options;
  let state = last;
  try {
    const stop = deadline(STREAM_MS, signal);
    for await (const event of api.client.events(`/api/v1${path}/events`, Upload, stop)) {
      state = event;
      watcher.publishing(state.progress);
      if (isSettled(state)) return state;
    }
  } catch {
    signal.throwIfAborted();
  }
  await sleep(POLL_MS, undefined, { signal });
  state = await patiently(signal, watcher, () => api.get(path, Upload));
  watcher.publishing(state.progress);
  return state;
}

function isSettled({ state }: Upload): boolean {
  return state === 'published' || state === 'failed';
}

/** Calls that may be repeated are, for as long as an origin takes to be restarted. */
export async function patiently<T>(
  signal: AbortSignal,
  watcher: Pick<UploadWatcher, 'retrying'>,
  call: () => Promise<T>,
): Promise<T> {
  const onRetry = (error: unknown, _attempt: number, delayMs: number) =>
    watcher.retrying(error, delayMs);
  return retry(
    async () => {
      try {
        return await call();
      } catch (error) {
        throw mayPass(error) ? error : new Unrecoverable(error);
      }
    },
    { ...PATIENCE, signal, onRetry },
  );
}
