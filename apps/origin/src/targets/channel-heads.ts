import { Injectable } from '@nestjs/common';

import { ArtifactSummary } from '#lib/contracts';

import { ChannelStore } from '../channels/channel-store.js';
import { ReleaseCatalog } from '../releases/release-catalog.js';
import type { ChannelHead, Followed } from './desired-state.js';

/** The newest entries of the channels that targets follow, kept at hand: many targets, few channels. */
@Injectable()
export class ChannelHeads {
  readonly #heads = new Map<string, Promise<ChannelHead | null>>();
  #generation = 0;

  constructor(
    private readonly channels: ChannelStore,
    private readonly releases: ReleaseCatalog,
  ) {}

  /** The heads of `followed`, by {@link headKey}; channels that point nowhere are null. */
  async of(followed: readonly Followed[]): Promise<Map<string, ChannelHead | null>> {
    const heads = new Map<string, ChannelHead | null>();
    for (const { app, channel } of followed) {
      const key = headKey(app, channel);
      if (!heads.has(key)) heads.set(key, await (this.#heads.get(key) ?? this.#load(app, channel)));
    }
    return heads;
  }

  /** Changes whenever a channel moves. */
  get generation(): number {
    return this.#generation;
  }

  /** The channel moved: what is at hand is not the newest any more. */
  forget(app: string, channel: string): void {
    this.#generation++;
    this.#heads.delete(headKey(app, channel));
  }

  /**
   * Looks whether the channel has moved without a word to this process; a head that is not at hand is
   * nobody's concern. @returns whether it was old
   */
  async look(app: string, channel: string): Promise<boolean> {
    const kept = this.#heads.get(headKey(app, channel));
    if (!kept) return false;
    const [head, newest] = await Promise.all([kept, this.channels.newestSequence(app, channel)]);
    return (head?.state.sequence ?? 0) < newest;
  }

  /** Forgets all others: what nobody looks at may get old. @param keys {@link headKey} of each to keep */
  retain(keys: ReadonlySet<string>): void {
    for (const key of this.#heads.keys()) if (!keys.has(key)) this.#heads.delete(key);
  }

  #load(app: string, channel: string): Promise<ChannelHead | null> {
    const key = headKey(app, channel);
    const head = this.#read(app, channel);
    this.#heads.set(key, head);
    // Whoever comes next tries again; whoever waits is told.
    head.catch(() => this.#heads.get(key) === head && this.#heads.delete(key));
    return head;
  }

  async #read(app: string, channel: string): Promise<ChannelHead | null> {
    const state = await this.channels.newest(app, channel);
    const release = state && (await this.releases.find(app, state.version));
    return release && { state, artifact: ArtifactSummary.parse(release) };
  }
}

/** `@` is in no name. */
export function headKey(app: string, channel: string): string {
  return `${app}@${channel}`;
}
