import { generateKeyPairSync } from 'node:crypto';
import { request, type IncomingMessage } from 'node:http';

import type { AgentSession } from '../../apps/agent/src/origin-link/agent-session.ts';
import type { Logger } from '../../libs/runtime/src/index.ts';
import { contracts, identityCode, runtime, sessionCode } from './own-code.ts';

export interface CrowdOptions {
  readonly origin: string;
  readonly joinToken: string;
}

const { TicketsAnswer } = await contracts();
const { systemClock } = await runtime();
const { AgentSession: Session } = await sessionCode();
const { Identity } = await identityCode();
const PEER_PORT = 6881;
const ZONES = 4;
const SEQUENCE = /"sequence":(\d+)/;

/**
 * An agent as its origin sees it: the agent's own session, with a key of its own, and an event stream, read
 * without more work than it takes to see what it was told.
 */
export class CrowdMember {
  #sequence = -1;
  #text = '';
  #stream: IncomingMessage | null = null;
  #heard: { sequence: number; tell: (at: number) => void } | null = null;

  readonly #index: number;
  readonly #origin: string;
  readonly #session: AgentSession;

  private constructor(index: number, origin: string, session: AgentSession) {
    this.#index = index;
    this.#origin = origin;
    this.#session = session;
  }

  static async make(index: number, options: CrowdOptions, logger: Logger): Promise<CrowdMember> {
    const identity = new Identity(generateKeyPairSync('ed25519').privateKey);
    const session = new Session({
      origin: options.origin,
      identity,
      joinToken: () => Promise.resolve(options.joinToken),
      version: 'bench',
      facts: () => ({
        hostname: `host-${index}`,
        labels: { zone: `zone-${index % ZONES}` },
        agentVersion: 'bench',
        peerAddress: addressOf(index),
        instance: identity.target,
      }),
      clock: systemClock,
      logger,
    });
    return new CrowdMember(index, options.origin, session);
  }

  /** Joins, opens a session, says what it follows, and has its event stream open. */
  async enter(followed: { app: string; channel: string }): Promise<void> {
    const { signal } = new AbortController();
    await this.#session.open(signal);
    this.#stream = await this.#open(JSON.stringify({ apps: [followed] }));
    this.#stream.setEncoding('utf8').on('data', (text: string) => this.#take(text));
    this.#stream.once('close', () => {
      if (this.#stream) throw new Error(`The event stream of host-${this.#index} ended.`);
    });
  }

  /** When this agent was told of the channel's entry `sequence`: `performance.now`, ms. */
  hears(sequence: number): Promise<number> {
    if (this.#sequence >= sequence) return Promise.resolve(performance.now());
    return new Promise((tell) => (this.#heard = { sequence, tell }));
  }

  /** What it asks for when it announces that it downloads, as the agent does. */
  async announcePath(artifact: string): Promise<string> {
    const { tickets } = await this.#session.client.call({
      method: 'POST',
      path: '/api/v1/agent/tickets',
      json: { artifacts: [artifact] },
      answer: TicketsAnswer,
    });
    const infoHash = artifact.slice(0, 40).replaceAll(/../g, '%$&');
    const peerId = `-FS0100-${String(this.#index).padStart(12, '0')}`;
    const { pathname } = new URL(tickets[0]!.announce[0]![0]!);
    return (
      `${pathname}?info_hash=${infoHash}&peer_id=${peerId}&port=${PEER_PORT}&uploaded=0&downloaded=0` +
      `&left=1000000&numwant=20&compact=1&no_peer_id=1&fs=1&fs_addr=${addressOf(this.#index).replace(':', '%3A')}`
    );
  }

  leave(): void {
    const stream = this.#stream;
    this.#stream = null;
    stream?.destroy();
    void this.#session.close();
  }

  #open(body: string): Promise<IncomingMessage> {
    const headers = {
      authorization: `Bearer ${this.#session.token}`,
      accept: 'text/event-stream',
      'content-type': 'application/json',
    };
    const options = { method: 'POST', headers, agent: false } as const;
    return new Promise((resolve, reject) => {
      const asked = request(`${this.#origin}/api/v1/agent/events`, options);
      asked.once('error', reject).once('response', (response) => {
        if (response.statusCode === 200) resolve(response);
        else reject(new Error(`No event stream for host-${this.#index}: ${response.statusCode}`));
      });
      asked.end(body);
    });
  }

  #take(text: string): void {
    const at = performance.now();
    this.#text += text;
    const end = this.#text.lastIndexOf('\n\n');
    if (end < 0) return;
    const sequence = SEQUENCE.exec(this.#text.slice(0, end))?.[1];
    this.#text = this.#text.slice(end + 2);
    if (sequence === undefined) return;
    this.#sequence = Number(sequence);
    if (!this.#heard || this.#heard.sequence > this.#sequence) return;
    this.#heard.tell(at);
    this.#heard = null;
  }
}

/** One of 10.0.0.0/8. */
function addressOf(index: number): string {
  return `10.${1 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}:${PEER_PORT}`;
}
