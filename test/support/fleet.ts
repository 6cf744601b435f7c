import { readdirSync, readlinkSync } from 'node:fs';

import { Agent, request } from 'undici';

import type { Target, TargetApp } from '#lib/contracts';

import type { AgentProcess, OriginProcess } from './sandbox.js';
import { until } from './waiting.js';

/** What `staged` says of where the payload came from, bytes. */
export interface StagedEvent {
  readonly app: string;
  readonly version: string;
  readonly fromOrigin: number;
  readonly fromPeers: number;
  readonly reused: number;
  readonly wasted: number;
}

export interface Pushed {
  readonly artifact: string;
  readonly bytes: number;
  readonly uploadedBytes: number;
}

/** Pushes and moves `stable` to it. */
export function pushStable(
  origin: OriginProcess,
  path: string,
  app: string,
  version: string,
): Promise<Pushed> {
  const push = ['push', path, '--app', app, '--version', version, '--channel', 'stable'];
  return origin.json<Pushed>(...push);
}

export async function staged(agent: AgentProcess, version: string): Promise<StagedEvent> {
  return (await agent.service.event('staged', 60_000, { version })) as unknown as StagedEvent;
}

export async function active(agent: AgentProcess, version: string): Promise<void> {
  await agent.service.event('active', 60_000, { version });
}

/** What an agent counts, as it tells on its socket; NaN when it does not. */
export async function agentMetric({ data }: AgentProcess, name: string): Promise<number> {
  const dispatcher = new Agent({ connect: { socketPath: `${data}/agent.sock` } });
  try {
    const { body } = await request('http://agent/metrics', { dispatcher });
    return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(await body.text())?.[1]);
  } finally {
    await dispatcher.close();
  }
}

/** Where a link of the app's folder points; null while it is not there. */
export function linkOf(agent: AgentProcess, app: string, link: 'current' | 'previous') {
  try {
    return readlinkSync(`${agent.data}/apps/${app}/${link}`);
  } catch {
    return null;
  }
}

/** What stands under the final names of releases; half-done ones have other names. */
export function releaseFolders(agent: AgentProcess, app: string): string[] {
  try {
    const names = readdirSync(`${agent.data}/apps/${app}/releases`);
    return names.filter((name) => /-[0-9a-f]{12}$/.test(name));
  } catch {
    return [];
  }
}

/** Waits until the origin knows this of the app on the machine with this host name. */
export async function untilReported(
  origin: OriginProcess,
  hostname: string,
  what: string,
  matches: (app: TargetApp) => boolean,
): Promise<TargetApp> {
  return until(what, async () => {
    const { items } = await origin.json<{ items: Target[] }>('target', 'list');
    return items.find((target) => target.hostname === hostname)?.apps.find(matches);
  });
}
