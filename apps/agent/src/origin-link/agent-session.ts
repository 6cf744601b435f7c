import {
  Challenge,
  FleetseedError,
  HttpClient,
  JoinAnswer,
  SessionAnswer,
  type Labels,
} from '#lib/contracts';
import { untilAborted, type Clock, type Logger } from '#lib/runtime';

import type { Identity } from '../identity/identity.js';

export interface AgentFacts {
  readonly hostname: string;
  readonly labels: Labels;
  readonly agentVersion: string;
  /** Where our peer port is reached, HOST:PORT. */
  readonly peerAddress: string;
  /** Random per start. */
  readonly instance: string;
}

export interface AgentSessionOptions {
  readonly origin: string;
  readonly caFile?: string;
  readonly identity: Identity;
  /** Read when it is needed, because operators rotate the file. */
  readonly joinToken: () => Promise<string>;
  readonly version: string;
  /** What the agent says of itself at the moment. */
  readonly facts: () => AgentFacts;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Renewed when less than this is left, milliseconds. */
const RENEW_BEFORE_MS = 5 * 60_000;

/**
 * The agent's standing with the origin: joins once with the join token, then proves its key by a
 * signed challenge and holds a session token, which is renewed before it ends.
 */
export class AgentSession {
  readonly client: HttpClient;
  readonly #joinClient: HttpClient;
  #answer: SessionAnswer | null = null;
  #joinToken: string | null = null;
  #opening: Promise<SessionAnswer> | null = null;
  readonly #closed = new AbortController();

  constructor(private readonly options: AgentSessionOptions) {
    const { origin, caFile, version } = options;
    const shared = {
      origin,
      userAgent: `fleetseed-agent/${version}`,
      ...(caFile === undefined ? {} : { caFile }),
    };
    this.client = new HttpClient({ ...shared, token: () => this.token });
    this.#joinClient = new HttpClient({ ...shared, token: () => this.#joinToken });
  }

  /** True when the token has to be renewed before the next use. */
  get isStale(): boolean {
    return (
      this.#answer === null || this.#answer.expiresAt - this.options.clock.now() < RENEW_BEFORE_MS
    );
  }

  /** What requests are sent with at the moment. */
  get token(): string | null {
    return this.#answer?.token ?? null;
  }

  /**
   * Opens or renews the session; joins first when the origin does not know this target. Whoever asks
   * meanwhile waits for the same: a join token may be good for one use.
   * @throws JOIN_REFUSED, TOKEN_*, DUPLICATE_IDENTITY, ORIGIN_UNREACHABLE, or the signal's reason
   */
  async open(signal: AbortSignal): Promise<SessionAnswer> {
    this.#opening ??= this.#open(this.#closed.signal).finally(() => (this.#opening = null));
    return untilAborted(this.#opening, signal);
  }

  /** After a 401 to `token`, when the origin forgot us: the next use opens a new session. */
  invalidate(token: string | null): void {
    if (this.token === token) this.#answer = null;
  }

  async close(): Promise<void> {
    this.#closed.abort();
    await Promise.all([this.client.close(), this.#joinClient.close()]);
  }

  async #open(signal: AbortSignal): Promise<SessionAnswer> {
    try {
      return await this.#prove(signal);
    } catch (error) {
      if (!(error instanceof FleetseedError) || error.code !== 'TARGET_NOT_FOUND') throw error;
    }
    await this.#join(signal);
    return this.#prove(signal);
  }

  async #join(signal: AbortSignal): Promise<void> {
    const { identity, logger } = this.options;
    const facts = this.options.facts();
    this.#joinToken = await this.options.joinToken();
    try {
      const { target } = await this.#joinClient.call({
        method: 'POST',
        path: '/api/v1/agent/join',
        json: {
          publicKey: identity.publicKey,
          hostname: facts.hostname,
          labels: facts.labels,
          agentVersion: facts.agentVersion,
        },
        answer: JoinAnswer,
        signal,
      });
      logger.info('joined the fleet', { target });
    } finally {
      this.#joinToken = null;
    }
  }

  async #prove(signal: AbortSignal): Promise<SessionAnswer> {
    const { identity } = this.options;
    const facts = this.options.facts();
    const { target } = identity;
    const { challenge } = await this.client.call({
      method: 'POST',
      path: '/api/v1/agent/challenge',
      json: { target },
      answer: Challenge,
      signal,
    });
    const signature = identity.sign(`fleetseed-session-1\n${challenge}\n${facts.instance}`);
    this.#answer = await this.client.call({
      method: 'POST',
      path: '/api/v1/agent/session',
      json: { target, challenge, signature, ...facts },
      answer: SessionAnswer,
      signal,
    });
    return this.#answer;
  }
}
