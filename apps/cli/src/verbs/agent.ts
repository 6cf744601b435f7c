import type { Command } from 'commander';
import { z } from 'zod';

import { LimitsState, TargetApp, TargetId } from '#lib/contracts';

import { action } from '../action.js';
import { agentSocketOf, askAgent, type AgentPlace } from '../connection/agent-socket.js';
import type { Invocation } from '../invocation.js';
import { percentText } from '../output/quantities.js';
import { facts, table } from '../output/table.js';
import { changeOf, limitsText, type RateOptions } from './limits.js';
import { artifactOf } from './swarm.js';

const Status = z.object({
  target: TargetId,
  hostname: z.string(),
  version: z.string(),
  connected: z.boolean(),
  peerAddress: z.string(),
  limits: LimitsState,
  apps: z.array(TargetApp),
});

interface LimitOptions extends AgentPlace, RateOptions {
  readonly artifact?: string;
}

/** What is asked of an agent that runs on this machine; to run one is a program of its own. */
export function define(command: Command): void {
  const on = (name: string) =>
    command
      .command(name)
      .option('--data <folder>', "the agent's data folder (or FLEETSEED_DATA)")
      .option('--local-api <socket>', 'its socket, when it is elsewhere (or FLEETSEED_LOCAL_API)');
  on('status')
    .description('what the agent on this machine does')
    .action(action<AgentPlace>(status));
  on('limit')
    .description('show or change how fast the agent on this machine sends and receives')
    .option('--up <rate>', 'most that is sent to peers: 10MB/s, 80Mbit/s, off')
    .option('--down <rate>', 'most that is received from peers')
    .option('--artifact <swarm>', 'of this artifact only: its hash, or APP@VERSION')
    .action(action<LimitOptions>(limit));
}

async function status(call: Invocation<AgentPlace>): Promise<void> {
  const socket = agentSocketOf(call.options, process.env);
  const shown = await askAgent(socket, { method: 'GET', path: '/status' }, Status, call.signal);
  call.output.result(shown, () => {
    const about = facts({
      target: shown.target,
      host: shown.hostname,
      agent: shown.version,
      origin: shown.connected ? 'connected' : 'not connected',
      peers: shown.peerAddress,
    });
    const rows = shown.apps.map((app) => [
      `${app.app}@${app.channel}`,
      app.wanted ?? '-',
      app.current ?? '-',
      app.phase,
      percentText(app.progress),
    ]);
    const apps = table(['app', 'wanted', 'current', 'phase', 'staged'], rows);
    return [about, limitsText(shown.limits), ...(rows.length > 0 ? [apps] : [])].join('\n\n');
  });
}

async function limit(call: Invocation<LimitOptions>): Promise<void> {
  const { artifact } = call.options;
  const change = changeOf(
    call.options,
    artifact === undefined ? undefined : await artifactOf(call, artifact),
  );
  const socket = agentSocketOf(call.options, process.env);
  const asked =
    change === null
      ? { method: 'GET' as const, path: '/limits' }
      : { method: 'PATCH' as const, path: '/limits', json: change };
  const state = await askAgent(socket, asked, LimitsState, call.signal);
  call.output.result(state, () => limitsText(state));
}
