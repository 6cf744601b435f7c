import { generateKeyPairSync, sign } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import {
  AgentEvent,
  Challenge,
  HttpClient,
  JoinAnswer,
  Release,
  SessionAnswer,
  SwarmTicket,
  type FollowRequest,
  type Labels,
} from '#lib/contracts';

import { checkConfig } from '../config/config-parser.js';
import { startOrigin, type RunningOrigin, type StartOptions } from '../origin.js';

/** A real origin in a folder of its own, on loopback. */
export class TestOrigin {
  private constructor(
    readonly folder: string,
    private running: RunningOrigin,
    private readonly config: Readonly<Record<string, unknown>>,
    private readonly options: MakeOptions,
  ) {}

  /** @param options made anew for each start, as a depot that was closed is of no use. */
  static async start(
    config: Readonly<Record<string, unknown>> = {},
    options: MakeOptions = async () => ({}),
  ): Promise<TestOrigin> {
    const folder = await mkdtemp(join(tmpdir(), 'fleetseed-origin-'));
    const running = await start(folder, config, await options());
    return new TestOrigin(folder, running, config, options);
  }

  get url(): string {
    return new URL(this.running.ready.api).origin;
  }

  get ready(): RunningOrigin['ready'] {
    return this.running.ready;
  }

  token(name: 'admin-token' | 'join-token'): Promise<string> {
    return readFile(join(this.folder, name), 'utf8').then((text) => text.trim());
  }

  async client(token?: string): Promise<HttpClient> {
    const bearer = token ?? (await this.token('admin-token'));
    return new HttpClient({ origin: this.url, token: () => bearer, userAgent: 'test' });
  }

  /** Publishes one file as a release, as `curl -T` does. */
  async publish(
    app: string,
    version: string,
    bytes: Uint8Array,
    channel?: string,
  ): Promise<Release> {
    const admin = await this.client();
    const query = { name: `${app}.bin`, channel };
    const answer = await admin.bytes({
      method: 'PUT',
      path: `/api/v1/apps/${app}/releases/${version}/content`,
      query,
      body: bytes,
    });
    return Release.parse(JSON.parse(answer.toString('utf8')));
  }

  async moveChannel(app: string, channel: string, version: string): Promise<void> {
    const admin = await this.client();
    const path = `/api/v1/apps/${app}/channels/${channel}`;
    await admin.bytes({ method: 'PUT', path, json: { version } });
  }

  /** What a one-shot pull with the admin token is given. */
  async ticket(artifact: string): Promise<SwarmTicket> {
    const admin = await this.client();
    const path = `/api/v1/artifacts/${artifact}/ticket`;
    return admin.call({ method: 'GET', path, answer: SwarmTicket });
  }

  /** Ends the process's part and begins it again on the same folder (and another port). */
  async restart(): Promise<void> {
    await this.running.close();
    this.running = await start(this.folder, this.config, await this.options());
  }

  async close(): Promise<void> {
    await this.running.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}

type MakeOptions = () => Promise<StartOptions>;

function start(
  folder: string,
  config: Readonly<Record<string, unknown>>,
  options: StartOptions,
): Promise<RunningOrigin> {
  return startOrigin(checkConfig({ data: folder, listen: '127.0.0.1:0', ...config }), options);
}

export interface TestAgentOptions {
  readonly labels?: Labels;
  readonly peerAddress?: string;
  readonly key?: ReturnType<typeof newKey>;
  readonly instance?: string;
}

export function newKey() {
  return generateKeyPairSync('ed25519');
}

let instances = 0;

/** The side of an agent that talks to the origin, with a real key. */
export class TestAgent {
  target = '';
  session: SessionAnswer | null = null;
  readonly instance: string;
  readonly key: ReturnType<typeof newKey>;

  constructor(
    readonly origin: TestOrigin,
    private readonly options: TestAgentOptions = {},
  ) {
    this.instance = options.instance ?? `instance-${String(++instances).padStart(12, '0')}`;
    this.key = options.key ?? newKey();
  }

  /** The same agent, in the same session, as it is seen by another replica. */
  at(origin: TestOrigin): TestAgent {
    const { instance, key } = this;
    const same = new TestAgent(origin, { ...this.options, instance, key });
    same.target = this.target;
    same.session = this.session;
    return same;
  }

  get publicKey(): string {
    return this.key.publicKey.export({ format: 'jwk' }).x!;
  }

  get client(): HttpClient {
    const token = () => this.session?.token ?? null;
    return new HttpClient({ origin: this.origin.url, token, userAgent: 'test-agent' });
  }

  async join(token?: string): Promise<this> {
    const client = await this.origin.client(token ?? (await this.origin.token('join-token')));
    const { target } = await client.call({
      method: 'POST',
      path: '/api/v1/agent/join',
      json: { publicKey: this.publicKey, ...this.#facts },
      answer: JoinAnswer,
    });
    this.target = target;
    return this;
  }

  async open(): Promise<this> {
    const { challenge } = await this.client.call({
      method: 'POST',
      path: '/api/v1/agent/challenge',
      json: { target: this.target },
      answer: Challenge,
    });
    this.session = await this.answer(challenge);
    return this;
  }

  /** Opens a session with a challenge of the caller's choice. */
  answer(challenge: string): Promise<SessionAnswer> {
    const text = `fleetseed-session-1\n${challenge}\n${this.instance}`;
    return this.client.call({
      method: 'POST',
      path: '/api/v1/agent/session',
      json: {
        target: this.target,
        challenge,
        instance: this.instance,
        signature: sign(null, Buffer.from(text), this.key.privateKey).toString('base64url'),
        peerAddress: this.options.peerAddress ?? '127.0.0.1:7001',
        ...this.#facts,
      },
      answer: SessionAnswer,
    });
  }

  /** @param apps that it follows */
  events(
    signal: AbortSignal,
    apps: FollowRequest['apps'] = [],
    onAlive?: () => void,
  ): AsyncGenerator<AgentEvent> {
    const path = '/api/v1/agent/events';
    return this.client.events(path, AgentEvent, signal, onAlive, { apps });
  }

  get #facts() {
    return { hostname: 'test-host', labels: this.options.labels ?? {}, agentVersion: '0.0.0' };
  }
}
