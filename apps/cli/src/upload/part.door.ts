import { dropBody, FleetseedError, httpRequest, PartUrl, type HttpClient } from '#lib/contracts';
import { deadline } from '#lib/runtime';

import { route } from '../connection/route.js';
import type { PlannedPart } from './upload-plan.js';

export interface PartRequest {
  readonly upload: string;
  readonly part: PlannedPart;
  readonly bytes: Buffer;
  /** What the origin is told of the part; the store is told nothing, the origin looks for itself. */
  readonly claim: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Sends a part to the origin, or to the store behind it if it goes there. */
export async function putPart(client: HttpClient, request: PartRequest): Promise<void> {
  const { upload, part, bytes, claim, timeoutMs, signal } = request;
  const path = `/api/v1${route`/uploads/${upload}/objects/${part.object}/parts/${part.part}`}`;
  if (part.direct) {
    const found = await client.call({
      method: 'GET',
      path: `${path}/url`,
      answer: PartUrl,
      signal,
    });
    await putToStore(found.url, bytes, deadline(timeoutMs, signal));
    return;
  }
  const headers = { 'content-type': 'application/octet-stream', ...claim };
  await client.bytes({ method: 'PUT', path, body: bytes, headers, timeoutMs, signal });
}

/** The URL is all that lets us in, so it is in no message. */
async function putToStore(url: string, body: Buffer, signal: AbortSignal): Promise<void> {
  const { statusCode } = await send(url, body, signal);
  if (statusCode === 200) return;
  const { host } = new URL(url);
  const text = `The store at ${host} answered ${statusCode} to a part.`;
  throw new FleetseedError('DEPOT_UNAVAILABLE', text, { status: statusCode });
}

async function send(url: string, body: Buffer, signal: AbortSignal) {
  try {
    const answer = await httpRequest(url, {
      method: 'PUT',
      body,
      headers: { 'content-length': String(body.length) },
      signal,
    });
    await dropBody(answer.body);
    return answer;
  } catch (cause) {
    if (signal.aborted && !isTimeout(signal.reason)) throw signal.reason;
    const { host } = new URL(url);
    const text = `The store at ${host} cannot be reached, or does not answer.`;
    throw new FleetseedError('DEPOT_UNAVAILABLE', text, {}, { cause });
  }
}

function isTimeout(reason: unknown): boolean {
  return reason instanceof Error && reason.name === 'TimeoutError';
}
