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
export async function readLoopDelay(host: Host, origin: Origin): Promise<LoopDelay> {
  const text = await metricsOf(host, origin);
  const of = (part: string) =>
    Math.max(0, valueIn(text, `nodejs_eventloop_lag_${part}_seconds`) * 1000 - RESOLUTION_MS);
  return { p50: of('p50'), p99: of('p99'), max: of('max') };
}

/** One metric without labels. */
export async function readMetric(host: Host, origin: Origin, name: string): Promise<number> {
  return valueIn(await metricsOf(host, origin), name);
}

async function metricsOf(host: Host, { url, adminToken }: Origin): Promise<string> {
  const token = readFileSync(adminToken, 'utf8').trim();
  const header = `authorization: Bearer ${token}`;
  return host.run('curl', ['curl', '-sS', '--fail', '-H', header, `${url}/metrics`]);
}

function valueIn(text: string, name: string): number {
  const found = new RegExp(`^${name} (\\S+)$`, 'm').exec(text);
  if (!found) throw new Error(`The metrics of the origin lack ${name}.`);
  return Number(found[1]);
}
