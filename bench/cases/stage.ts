import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import type { Contestant } from '../contestants/contestant.types.ts';
import { makePayload, type Payload } from '../measure/payload.ts';
import { runRace, type RaceResult } from '../measure/run-race.ts';
import type { Network } from '../net/network.ts';
import { undoAtExit } from '../net/undo.ts';

const TMPFS = '/dev/shm';

/** The results of one contestant, a round each. */
export interface Rounds {
  readonly contestant: Contestant;
  readonly results: RaceResult[];
}

export interface Meeting {
  readonly contestants: readonly Contestant[];
  readonly payloadBytes: number;
  readonly rounds: number;
  readonly join: () => Network;
  readonly tell: (text: string) => void;
}

/** Every contestant delivers the same payload in turn, as often as there are rounds, each on new hosts. */
export async function holdMeeting(meeting: Meeting): Promise<{ payload: Payload; all: Rounds[] }> {
  const folder = mkdtempSync(join(TMPFS, 'fleetseed-bench-'));
  const remove = undoAtExit(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, 'payload'));
  const payload = await makePayload(join(folder, 'payload', 'payload.bin'), meeting.payloadBytes);
  const all = meeting.contestants.map((contestant): Rounds => ({ contestant, results: [] }));
  for (let round = 1; round <= meeting.rounds; round++) {
    for (const { contestant, results } of all) {
      const result = await deliverOnce(contestant, meeting.join(), payload, join(folder, 'run'));
      results.push(result);
      const last = Math.max(...result.seconds).toFixed(2);
      meeting.tell(`  round ${round}: ${contestant.name} ${last} s`);
    }
  }
  remove();
  return { payload, all };
}

async function deliverOnce(
  contestant: Contestant,
  network: Network,
  payload: Payload,
  folder: string,
): Promise<RaceResult> {
  mkdirSync(folder);
  try {
    return await runRace(contestant, { network, payload, folder });
  } finally {
    await network.remove();
    await rm(folder, { recursive: true });
  }
}
