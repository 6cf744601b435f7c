import { connect } from 'node:net';

import { AppSummary, Release, SwarmTicket } from '#lib/contracts';

import { splitHostPort } from '../connection/host-port.js';
import type { OriginApi } from '../connection/origin-api.js';
import { route } from '../connection/route.js';
import type { CheckResult } from './check.types.js';

const TIMEOUT_MS = 5_000;

/**
 * Whether the peer ports of the origin can be reached from here. Where they are is said by the
 * ticket of a release, so without one there is nothing to try.
 *
 * @param given a port to try instead, `HOST:PORT`
 */
export async function checkPeerPorts(api: OriginApi, given?: string): Promise<CheckResult> {
  const addresses = given === undefined ? await originPorts(api).catch(() => null) : [given];
  if (addresses === null || addresses.length === 0) {
    const detail = 'no release that this token may read names a peer port; try --peer HOST:PORT';
    return { check: 'peer', state: 'skipped', detail };
  }
  const failures: string[] = [];
  for (const address of addresses) {
    const reason = await dial(address);
    if (reason !== null) failures.push(`${address}: ${reason}`);
  }
  if (failures.length > 0) {
    return { check: 'peer', state: 'failed', detail: `cannot be reached: ${failures.join('; ')}` };
  }
  return { check: 'peer', state: 'ok', detail: `${addresses.join(', ')} can be reached` };
}

async function originPorts(api: OriginApi): Promise<readonly string[]> {
  const apps = await api.list('/apps', AppSummary, 50);
  const app = apps.find(({ releases }) => releases > 0)?.app;
  if (app === undefined) return [];
  const [release] = await api.list(route`/apps/${app}/releases`, Release, 1);
  if (!release) return [];
  const ticket = await api.get(route`/artifacts/${release.artifact}/ticket`, SwarmTicket);
  return ticket.origins;
}

/** @returns why no connection came about, or null */
function dial(address: string): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect({ ...splitHostPort(address, 'the peer port'), timeout: TIMEOUT_MS });
    const end = (reason: string | null) => {
      socket.destroy();
      resolve(reason);
    };
    socket.once('connect', () => end(null));
    socket.once('timeout', () => end('no answer'));
    socket.once('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
  });
}
