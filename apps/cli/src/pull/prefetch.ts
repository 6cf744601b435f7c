import { parseReleaseReference, SwarmTicket } from '#lib/contracts';

import type { OriginApi } from '../connection/origin-api.js';
import { route } from '../connection/route.js';
import type { Invocation } from '../invocation.js';

/** What the origin is asked for while the swarm engine is still being loaded. */
export interface Prefetched {
  readonly app: string;
  readonly version: string;
  /** Hex of the v2 info-hash. */
  readonly artifact: Promise<string>;
  readonly metainfoBytes: Promise<Buffer>;
  /** Null when it may not be needed. */
  readonly ticket: Promise<SwarmTicket> | null;
}

/**
 * Asks for all that can be asked for before anything else is ready: loading the engine takes as long as
 * the answers do. Failures wait until somebody awaits them.
 *
 * @throws FleetseedError USAGE
 */
export function prefetch(
  call: Invocation<{ readonly stdout?: boolean; readonly advertise?: string }>,
  reference: string,
): Prefetched {
  const { app, version } = parseReleaseReference(reference);
  const { stdout, advertise } = call.options;
  const api = call.origin();
  const { signal } = call;
  const artifact = api.release(app, version).then((release) => release.artifact);
  const metainfoBytes = artifact.then((hash) => {
    const path = `/api/v1${route`/artifacts/${hash}/metainfo`}`;
    return api.client.bytes({ method: 'GET', path, signal });
  });
  const ticket =
    stdout === true ? artifact.then((hash) => askTicket(api, hash, advertise, signal)) : null;
  for (const promise of [artifact, metainfoBytes, ticket]) promise?.catch(() => {});
  return { app, version, artifact, metainfoBytes, ticket };
}

/** The keys to the swarm of an artifact. */
export function askTicket(
  api: OriginApi,
  artifact: string,
  advertise: string | undefined,
  signal: AbortSignal | undefined,
): Promise<SwarmTicket> {
  return api.client.call({
    method: 'GET',
    path: `/api/v1${route`/artifacts/${artifact}/ticket`}`,
    query: { advertise },
    answer: SwarmTicket,
    ...(signal === undefined ? {} : { signal }),
  });
}
