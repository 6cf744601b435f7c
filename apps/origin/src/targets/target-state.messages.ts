import { z } from 'zod';

import { AppName, ByteCount, ChannelName, Hex32, TargetApp, TargetId } from '#lib/contracts';

import { replicaTopic } from '../replicas/replica-topic.js';
import type { TargetStates } from './target.states.js';

/** Entries of one message, however short they are. */
export const MAX_ENTRIES = 500;
/** About how long a message becomes before another one is begun, in characters. */
const FULL = 200_000;
/** Hashes of one message. */
const MAX_HOLDS = 8000;

const Stamp = z.number().int().nonnegative();

/** What a target follows and where it stands with it. */
const TargetWord = z.object({
  target: TargetId,
  follows: z
    .object({
      at: Stamp,
      apps: z.array(z.object({ app: AppName, channel: ChannelName })).max(1000),
    })
    .optional(),
  report: z
    .object({ at: Stamp, freeBytes: ByteCount.nullable(), apps: z.array(TargetApp).max(1000) })
    .optional(),
});
type TargetWord = z.infer<typeof TargetWord>;
export const TargetWords = replicaTopic(
  'target-states',
  z.object({ words: z.array(TargetWord).max(MAX_ENTRIES) }),
);

/** What a target holds, in messages of one stamp: the first replaces, the others add. */
const HoldsWord = z.object({
  target: TargetId,
  at: Stamp,
  adds: z.boolean(),
  holds: z.array(Hex32).max(MAX_HOLDS),
});
type HoldsWord = z.infer<typeof HoldsWord>;
export const TargetHolds = replicaTopic('target-holds', HoldsWord);

/** [target, instance, streams, last seen so many ms ago, its session ends in so many ms] */
const PresenceWord = z.tuple([TargetId, z.string().max(64), z.number(), z.number(), z.number()]);
export type PresenceWord = z.infer<typeof PresenceWord>;
export const PresenceWords = replicaTopic(
  'presence',
  z.object({ seen: z.array(PresenceWord).max(MAX_ENTRIES) }),
);

/** Everything of these targets but what they hold, in messages of a bearable length. */
export function* wordsOf(
  states: TargetStates,
  targets: Iterable<string>,
): Generator<{ words: TargetWord[] }> {
  let words: TargetWord[] = [];
  let length = 0;
  for (const target of targets) {
    const { follows, freeBytes, apps } = states.of(target);
    const { follows: followsAt, report: reportAt } = states.stampsOf(target);
    const word: TargetWord = { target };
    if (followsAt > 0) word.follows = { at: followsAt, apps: [...follows] };
    if (reportAt > 0) word.report = { at: reportAt, freeBytes, apps: [...apps] };
    words.push(word);
    length += JSON.stringify(word).length;
    if (length < FULL && words.length < MAX_ENTRIES) continue;
    yield { words };
    words = [];
    length = 0;
  }
  if (words.length > 0) yield { words };
}

/** All that the target holds. */
export function* holdsOf(states: TargetStates, target: string): Generator<HoldsWord> {
  const { holds: at } = states.stampsOf(target);
  if (at === 0) return;
  const holds = [...states.of(target).holds];
  for (let from = 0; from === 0 || from < holds.length; from += MAX_HOLDS) {
    yield { target, at, adds: from > 0, holds: holds.slice(from, from + MAX_HOLDS) };
  }
}

/** Brings what another replica said of a target into the states. */
export function hearWord(states: TargetStates, word: TargetWord, teller: string): void {
  const { target, follows, report } = word;
  if (follows) states.heard(target, 'follows', follows.at, { follows: follows.apps }, teller);
  if (!report) return;
  const { at, freeBytes, apps } = report;
  states.heard(target, 'report', at, { freeBytes, apps }, teller);
}

export function hearHolds(states: TargetStates, word: HoldsWord, teller: string): void {
  const { target, at, adds, holds } = word;
  if (!adds) states.heard(target, 'holds', at, { holds: new Set(holds) }, teller);
  else if (states.stampsOf(target).holds === at) states.add(target, holds);
}
