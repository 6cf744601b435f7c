import { setTimeout as sleep } from 'node:timers/promises';

import { z } from 'zod';

import {
  AgentEvent,
  AgentReportAnswer,
  FleetseedError,
  TicketsAnswer,
  toFleetseedError,
  type AgentReport,
  type DesiredApp,
  type ErrorCode,
  type SwarmFrameReport,
  type SwarmTicket,
} from '#lib/contracts';
import { backoffDelay, type Clock, type Logger, type Random } from '#lib/runtime';

import type { AgentSession } from './agent-session.js';

/** What the agent hears from its origin. Handlers return at once; work goes on elsewhere. */
export interface LinkEvents {
  onConnected(): void;
  onLost(): void;
  /** The tracker forgot its peers: everything that is held is to be announced again. */
  onNewEpoch(): void;
  onDesired(apps: readonly DesiredApp[]): void;
  onWatch(artifact: string, watched: boolean): void;
}

export interface OriginLinkOptions {
  readonly session: AgentSession;
  readonly follows: readonly { app: string; channel: string }[];
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 15_000;
/** No event and no ping for this long means that the stream is dead: pings come every 15 s. */
const SILENCE_MS = 45_000;
/** A link that was up for this long was no failure: the next one is tried at once, milliseconds. */
const STEADY_MS = 5_000;
/**
 * How long another live session with our identity is borne at the start, milliseconds: our own last
 * process may be its owner, for as long as the origin waits for its event stream.
 */
const DUPLICATE_PATIENCE_MS = 15_000;

/** What is wrong with a join token stays wrong until somebody gives another. */
const FINAL = new Set<ErrorCode>([
  'JOIN_REFUSED',
  'TOKEN_MISSING',
  'TOKEN_INVALID',
  'TOKEN_EXPIRED',
]);

/**
 * The control link: one event stream that is kept up for ever. While the origin is away nothing is
 * lost: what runs keeps running, reports wait, and the link comes back with jitter.
 */
export class OriginLink {
  #epoch: string | null = null;
  #connectedOnce = false;
  #connectedAt: number | null = null;
  /** How long the last link was up, milliseconds. */
  #wasUpMs = 0;
  #duplicateSince: number | null = null;

  constructor(private readonly options: OriginLinkOptions) {}

  /** Whether the origin is heard; what runs on this machine does not depend on it. */
  get isUp(): boolean {
    return this.#connectedAt !== null;
  }

  /**
   * Runs until the signal aborts.
   * @throws what no waiting can mend: a join token that is refused, an identity that is used twice
   */
  async run(events: LinkEvents, signal: AbortSignal): Promise<void> {
    const { logger, random } = this.options;
    for (let failures = 1; !signal.aborted; failures++) {
      try {
        await this.#connect(events, signal);
      } catch (error) {
        if (signal.aborted) return;
        const problem = toFleetseedError(error);
        if (this.#isFinal(problem)) throw problem;
        logger.warn('origin link lost', { code: problem.code, reason: problem.message });
      }
      if (this.#wasUpMs > STEADY_MS) failures = 1;
      const delay = { startMs: FIRST_DELAY_MS, limitMs: LONGEST_DELAY_MS, random };
      await sleep(backoffDelay(failures, delay), undefined, { signal }).catch(() => {});
    }
  }

  /** Sends the full state; the answer says up to where the ledger is durable. */
  async report(report: AgentReport, signal: AbortSignal): Promise<number> {
    const { acknowledged } = await this.#call(
      '/api/v1/agent/report',
      report,
      AgentReportAnswer,
      signal,
    );
    return acknowledged;
  }

  async tickets(artifacts: readonly string[], signal: AbortSignal): Promise<SwarmTicket[]> {
    const { tickets } = await this.#call(
      '/api/v1/agent/tickets',
      { artifacts },
      TicketsAnswer,
      signal,
    );
    return tickets;
  }

  async announce(
    announces: readonly { artifact: string; left: number }[],
    peerAddress: string,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#call('/api/v1/agent/announce', { announces, peerAddress }, z.unknown(), signal);
  }

  async frames(frames: readonly SwarmFrameReport[], signal: AbortSignal): Promise<void> {
    await this.#call('/api/v1/agent/frames', { frames }, z.unknown(), signal);
  }

  /** The metainfo of an artifact, unverified: the caller compares its hash. */
  async metainfo(artifact: string, signal: AbortSignal): Promise<Buffer> {
    const path = `/api/v1/artifacts/${artifact}/metainfo`;
    return this.#withSession(signal, (client) => client.bytes({ method: 'GET', path, signal }));
  }

  async #connect(events: LinkEvents, signal: AbortSignal): Promise<void> {
    const { session, follows, clock } = this.options;
    // Several seconds of silence are normal, a dead stream is not: each sign of life winds the clock.
    const silence = new AbortController();
    const wind = () => clock.setTimer(SILENCE_MS, () => silence.abort());
    let cancel = wind();
    const alive = () => {
      cancel();
      cancel = wind();
    };
    try {
      await session.open(signal);
      const path = '/api/v1/agent/events';
      const both = AbortSignal.any([signal, silence.signal]);
      for await (const event of session.client.events(path, AgentEvent, both, alive, {
        apps: follows,
      })) {
        if (event.type === 'hello') this.#hello(event.bootEpoch, events);
        else if (event.type === 'desired') events.onDesired(event.apps);
        else events.onWatch(event.artifact, event.type === 'watch');
      }
    } finally {
      cancel();
      this.#wasUpMs = this.#connectedAt === null ? 0 : clock.monotonic() - this.#connectedAt;
      this.#connectedAt = null;
      events.onLost();
    }
  }

  #hello(epoch: string, events: LinkEvents): void {
    this.#connectedOnce = true;
    this.#connectedAt = this.options.clock.monotonic();
    events.onConnected();
    if (this.#epoch !== null && this.#epoch !== epoch) events.onNewEpoch();
    this.#epoch = epoch;
  }

  #isFinal({ code }: FleetseedError): boolean {
    if (this.#connectedOnce) return false;
    if (code !== 'DUPLICATE_IDENTITY') {
      this.#duplicateSince = null;
      return FINAL.has(code);
    }
    const now = this.options.clock.monotonic();
    this.#duplicateSince ??= now;
    return now - this.#duplicateSince > DUPLICATE_PATIENCE_MS;
  }

  async #call<T extends z.ZodType>(
    path: string,
    json: unknown,
    answer: T,
    signal: AbortSignal,
  ): Promise<z.output<T>> {
    return this.#withSession(signal, (client) =>
      client.call({ method: 'POST', path, json, answer, signal }),
    );
  }

  /** Renews the session when it is stale, and once more when the origin says that it ended. */
  async #withSession<T>(
    signal: AbortSignal,
    action: (client: AgentSession['client']) => Promise<T>,
  ): Promise<T> {
    const { session } = this.options;
    if (session.isStale) await session.open(signal);
    const { token } = session;
    try {
      return await action(session.client);
    } catch (error) {
      if (!(error instanceof FleetseedError) || error.status !== 401) throw error;
      session.invalidate(token);
      if (session.isStale) await session.open(signal);
      return action(session.client);
    }
  }
}
