import { FleetseedError, httpRequest, type HttpConnections } from '#lib/contracts';
import { deadline } from '#lib/runtime';
import { buildAnnounceUrl, decodeAnnounceAnswer, MAX_ANSWER_BYTES } from '#lib/wire';

import type { AnnounceRequest } from './announcer.js';
import type { AnnounceIdentity, TrackerClient } from './tracker-client.js';
import type { Tracker } from './tracker-tiers.js';

export interface HttpTrackerOptions extends AnnounceIdentity {
  /** Those of the process by default. */
  readonly connections?: HttpConnections;
  /** For one exchange, milliseconds. */
  readonly timeoutMs: number;
}

/** Announces over HTTP (BEP 3, 7, 23, 24, 31). */
export class HttpTrackerClient implements TrackerClient {
  constructor(private readonly options: HttpTrackerOptions) {}

  async ask(tracker: Tracker, hash: Buffer, what: AnnounceRequest, signal?: AbortSignal) {
    const { peerId, port, advertise, key, connections, timeoutMs } = this.options;
    const { trackerId } = tracker;
    const url = buildAnnounceUrl(tracker.url, {
      infoHash: hash,
      peerId,
      port,
      uploaded: what.uploaded,
      downloaded: what.downloaded,
      left: what.left,
      event: what.paused && what.event === 'none' ? 'paused' : what.event,
      numWant: what.numWant,
      compact: true,
      noPeerId: true,
      fleet: true,
      ...(advertise === undefined ? {} : { advertise }),
      ...(key === undefined ? {} : { key }),
      ...(trackerId === undefined ? {} : { trackerId }),
    });
    const response = await httpRequest(url, {
      signal: deadline(timeoutMs, signal),
      ...(connections ? { connections } : {}),
    });
    return decodeAnnounceAnswer(await boundedBody(response.body));
  }
}

async function boundedBody(body: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > MAX_ANSWER_BYTES) {
      const text = `The tracker's answer is longer than ${MAX_ANSWER_BYTES} bytes.`;
      throw new FleetseedError('TRACKER_ANSWER_INVALID', text, { length });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
