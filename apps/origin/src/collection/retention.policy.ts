import type { ChannelState, Release } from '#lib/contracts';

export interface RetentionRules {
  /** So many newest releases of an app are kept; 0 keeps all of them. */
  readonly keepLast: number;
  /** Releases that are younger are kept, milliseconds. */
  readonly keepMs: number;
  /** What a channel pointed to in its newest entries is kept, to go back to. At least 2. */
  readonly channelEntries: number;
}

/** An app as the depot has it. */
export interface KeptApp {
  /** In any order; none of them is retired. */
  readonly releases: readonly Release[];
  /** Of each channel its entries, newest first. */
  readonly channels: readonly (readonly Pick<ChannelState, 'version'>[])[];
}

/** The versions that channels need: what they point to, and what they may go back to. */
export function neededByChannels(
  { channels }: Pick<KeptApp, 'channels'>,
  { channelEntries }: Pick<RetentionRules, 'channelEntries'>,
): Set<string> {
  const entries = Math.max(2, channelEntries);
  return new Set(channels.flatMap((newest) => newest.slice(0, entries).map((it) => it.version)));
}

/** The releases of an app that nothing asks to keep. */
export function releasesToRetire(app: KeptApp, rules: RetentionRules, now: number): Release[] {
  if (rules.keepLast === 0) return [];
  const needed = neededByChannels(app, rules);
  const newestFirst = app.releases.toSorted(
    (a, b) => b.createdAt - a.createdAt || (a.version < b.version ? 1 : -1),
  );
  return newestFirst
    .slice(rules.keepLast)
    .filter(({ version, createdAt }) => !needed.has(version) && createdAt + rules.keepMs <= now);
}
