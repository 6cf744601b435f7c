import { RedisServer } from '../support/redis-server.js';
import { FaultProxy } from '../support/s3/fault-proxy.js';
import { s3Environment } from '../support/s3/s3-environment.js';
import { startS3Server, type S3Server } from '../support/s3/s3-server.js';
import { OriginProcess, Sandbox, type AgentProcess } from '../support/sandbox.js';
import { Replicas } from './replicas.js';
import { RoundRobinProxy, type Route } from './round-robin.proxy.js';

/** Everything that replicas of an origin stand on, the way to them, and what may break of it. */
export class ChaosFleet {
  readonly agents: AgentProcess[] = [];

  private constructor(
    readonly sandbox: Sandbox,
    readonly redis: RedisServer,
    /** Between the replicas and their store. */
    readonly store: FaultProxy,
    readonly replicas: Replicas,
    private readonly proxy: RoundRobinProxy,
    private readonly server: S3Server,
  ) {}

  /**
   * @param args flags of all replicas
   * @param routeOf which replicas the proxy may ask for a path; any of them by default
   */
  static async start(
    prefix: string,
    args: readonly string[] = [],
    routeOf: (replicas: Replicas) => Route = (replicas) => () => replicas.urls,
  ): Promise<ChaosFleet> {
    const server = await startS3Server();
    const store = await FaultProxy.start(server.endpoint);
    const redis = await RedisServer.start({ password: 'open sesame' });
    const sandbox = await Sandbox.create('fleetseed-chaos');
    const env = {
      ...s3Environment(server, prefix),
      FLEETSEED_S3_ENDPOINT: store.endpoint,
      FLEETSEED_S3_TIMEOUT_SECONDS: '3',
      FLEETSEED_REDIS_URL: redis.url,
      FLEETSEED_LOG_LEVEL: process.env['FLEETSEED_LOG_LEVEL'] ?? 'warn',
    };
    const replicas = await Replicas.create(sandbox, env, args);
    const proxy = await RoundRobinProxy.start(routeOf(replicas));
    return new ChaosFleet(sandbox, redis, store, replicas, proxy, server);
  }

  /** The origin as its clients see it: whichever replica the proxy finds. */
  get origin(): OriginProcess {
    const { replicas, sandbox, proxy } = this;
    return new OriginProcess(replicas.serviceOf(0), sandbox.root, proxy.url, replicas.adminToken);
  }

  /** Starts agents that follow `web@stable`, and waits until they have joined. */
  async addAgents(count: number): Promise<void> {
    const args = ['--app', 'web@stable'];
    const added: AgentProcess[] = [];
    for (let nth = 0; nth < count; nth++) {
      added.push(await this.sandbox.agent(this.origin, undefined, { args }));
    }
    this.agents.push(...added);
    await Promise.all(added.map(({ service }) => service.event('ready', 60_000)));
  }

  async stop(): Promise<void> {
    await this.sandbox.close();
    await this.proxy.stop();
    await this.redis.stop();
    await this.store.stop();
    await this.server.stop();
  }
}
