import type { Command } from 'commander';

import {
  FleetseedError,
  Hex32,
  OriginLimits,
  parseReleaseReference,
  SwarmFrame,
  SwarmSummary,
} from '#lib/contracts';

import { action } from '../action.js';
import { route } from '../connection/route.js';
import type { Invocation } from '../invocation.js';
import { bytesText } from '../output/quantities.js';
import { facts, table } from '../output/table.js';
import { originChangeOf, originLimitsText, type RateOptions } from './limits.js';
import { frameText } from './swarm-frame.js';

export function define(command: Command): void {
  command.command('list').description('all swarms').action(action(list));
  command
    .command('show')
    .description('one swarm')
    .argument('<swarm>', 'APP@VERSION, or the hash of the artifact')
    .action(action(show));
  command
    .command('watch')
    .description('who has what and who sends to whom, each second, until stopped')
    .argument('<swarm>', 'APP@VERSION, or the hash of the artifact')
    .action(action(watch));
  command
    .command('limit')
    .description('show or change how fast each replica of the origin sends to peers')
    .argument('[swarm]', 'of this artifact only: APP@VERSION, or its hash')
    .option('--up <rate>', 'the most that each sends: 10MB/s, 80Mbit/s, off, default')
    .action(action<Pick<RateOptions, 'up'>>(limit));
}

async function list(call: Invocation): Promise<void> {
  const items = await call.origin().list('/swarms', SwarmSummary);
  call.output.result({ items }, () =>
    table(
      ['artifact', 'release', 'size', 'seeds', 'downloading', 'origin sent', 'copies'],
      items.map((swarm) => [
        swarm.artifact.slice(0, 12),
        releaseText(swarm),
        bytesText(swarm.bytes),
        String(swarm.seeds),
        String(swarm.downloaders),
        bytesText(swarm.originSentBytes),
        swarm.originCopies.toFixed(2),
      ]),
    ),
  );
}

async function limit(
  call: Invocation<Pick<RateOptions, 'up'>>,
  given: string | undefined,
): Promise<void> {
  const artifact = given === undefined ? undefined : await artifactOf(call, given);
  const change = originChangeOf(call.options.up, artifact);
  const origin = call.origin();
  const state =
    change === null
      ? await origin.get('/limits', OriginLimits)
      : await origin.send('PATCH', '/limits', change, OriginLimits);
  call.output.result(state, () => originLimitsText(state));
}

async function show(call: Invocation, given: string): Promise<void> {
  const artifact = await artifactOf(call, given);
  const swarm = await call.origin().get(route`/swarms/${artifact}`, SwarmSummary);
  call.output.result(swarm, () =>
    facts({
      artifact: swarm.artifact,
      release: releaseText(swarm),
      name: swarm.name,
      size: bytesText(swarm.bytes),
      seeds: String(swarm.seeds),
      downloading: String(swarm.downloaders),
      'origin sent': `${bytesText(swarm.originSentBytes)} (${swarm.originCopies.toFixed(2)} copies)`,
    }),
  );
}

async function watch(call: Invocation, given: string): Promise<void> {
  const artifact = await artifactOf(call, given);
  const redraw = process.stdout.isTTY === true && !call.output.json;
  try {
    for await (const frame of call.origin().events(route`/swarms/${artifact}/live`, SwarmFrame)) {
      const columns = process.stdout.columns ?? 100;
      call.output.result(
        frame,
        () => (redraw ? '\u001b[H\u001b[2J' : '') + frameText(frame, columns),
      );
    }
  } catch (error) {
    // Stopping is how watching ends.
    if (!call.signal.aborted) throw error;
    return;
  }
  if (!call.signal.aborted) {
    throw new FleetseedError('ORIGIN_UNREACHABLE', 'The origin ended the stream.');
  }
}

/** The artifact's hash. */
export async function artifactOf(call: Invocation, given: string): Promise<string> {
  if (Hex32.safeParse(given).success) return given;
  const { app, version } = parseReleaseReference(given);
  return (await call.origin().release(app, version)).artifact;
}

function releaseText({ app, version }: SwarmSummary): string {
  return app === null || version === null ? '-' : `${app}@${version}`;
}
