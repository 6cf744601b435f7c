import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import type { Contestant, HostPlan } from '../contestants/contestant.types.ts';
import type { Payload } from '../measure/payload.ts';
import { runRace, type RaceResult } from '../measure/run-race.ts';
import type { Network } from '../net/network.ts';
import { undoAtExit } from '../net/undo.ts';
import type { Tell } from './case.types.ts';

export const TMPFS = '/dev/shm';

/** The results of one contestant with one payload, a round each. */
export interface Rounds {
  readonly contestant: Contestant;
  readonly payload: Payload;
  readonly results: RaceResult[];
}

export interface Meeting {
  readonly contestants: readonly Contestant[];
  /** What is delivered, made in a folder that is removed at the end. */
  readonly makePayloads: readonly ((folder: string) => Promise<Payload>)[];
  readonly plans: readonly HostPlan[];
  readonly rounds: number;
  /** Where everything is. */
  readonly disk: string;
  readonly patienceMs: number;
  readonly join: () => Network;
  readonly tell: Tell;
}

/** Every contestant delivers the same payloads in turn, as often as there are rounds, each on new hosts. */
export async function holdMeeting(meeting: Meeting): Promise<Rounds[]> {
  const folder = mkdtempSync(join(meeting.disk, 'fleetseed-bench-'));
  const remove = undoAtExit(() => rmSync(folder, { recursive: true, force: true }));
  const all: Rounds[] = [];
  for (const [index, make] of meeting.makePayloads.entries()) {
    const payload = await make(join(folder, `payload-${index}`));
    for (const contestant of present(meeting.contestants)) {
      all.push({ contestant, payload, results: [] });
    }
  }
  for (let round = 1; round <= meeting.rounds; round++) {
    for (const { contestant, payload, results } of all) {
      const result = await deliverOnce(contestant, meeting, payload, join(folder, 'run'));
      results.push(result);
      const times = result.seconds.map((each) => each?.toFixed(2) ?? '–').join(' ');
      meeting.tell(`  round ${round}: ${contestant.name}, ${payload.title}: ${times} s`);
    }
  }
  remove();
  return all;
}

/** What may be installed, or not. */
type Installable = Pick<Contestant, 'name' | 'version' | 'debianPackage'>;

export function present<Each extends Installable>(contestants: readonly Each[]): Each[] {
  return contestants.filter(({ version }) => version !== null);
}

/** Names those who could not take part. */
export function absent(contestants: readonly Installable[]): string[] {
  return contestants
    .filter(({ version }) => version === null)
    .map(({ name, debianPackage }) => `${name} is not installed here (Debian: ${debianPackage}).`);
}

async function deliverOnce(
  contestant: Contestant,
  { plans, patienceMs, ...meeting }: Meeting,
  payload: Payload,
  folder: string,
): Promise<RaceResult> {
  const network = meeting.join();
  mkdirSync(folder);
  try {
    return await runRace(contestant, { network, plans, payload, folder }, patienceMs);
  } finally {
    await network.remove();
    await rm(folder, { recursive: true });
  }
}
