import { readFileSync } from 'node:fs';

import type { Host } from '../net/host.ts';
import type { Origin } from './fleetseed-origin.ts';

/** How late the origin's event loop was since it was last asked, milliseconds. */
export interface LoopDelay {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** Of the timer by which Node measures it; it counts its own time in. */
const RESOLUTION_MS = 10;

/** From the origin's own metrics, which begin anew with every look. */
export async function readLoopDelay(host: Host, { url, adminToken }: Origin): Promise<LoopDelay> {
  const token = readFileSync(adminToken, 'utf8').trim();
  const header = `authorization: Bearer ${token}`;
  const text = await host.run('curl', ['curl', '-sS', '--fail', '-H', header, `${url}/metrics`]);
  const of = (part: string) => {
    const found = new RegExp(`^nodejs_eventloop_lag_${part}_seconds (\\S+)$`, 'm').exec(text);
    if (!found)
      throw new Error(`The metrics of the origin lack nodejs_eventloop_lag_${part}_seconds.`);
    return Math.max(0, Number(found[1]) * 1000 - RESOLUTION_MS);
  };
  return { p50: of('p50'), p99: of('p99'), max: of('max') };
}
