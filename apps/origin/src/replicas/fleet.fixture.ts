import { emptyContent, MemoryDepot } from '#lib/depot';
import { RedisServer } from '#test/redis-server';

import { TestOrigin } from '../targets/agent.fixture.js';

/** Replicas of one fleet inside this process: one depot in memory, one real Redis. */
export class TestFleet {
  private constructor(
    readonly redis: RedisServer,
    /** Of the fleet's own; not those of `another`. */
    readonly replicas: TestOrigin[],
    private readonly start: () => Promise<TestOrigin>,
    /** The depot as another process would see it. */
    readonly openDepot: () => Promise<MemoryDepot>,
  ) {}

  static async start(
    count: number,
    config: Readonly<Record<string, unknown>> = {},
  ): Promise<TestFleet> {
    const redis = await RedisServer.start();
    const content = emptyContent();
    const openDepot = () => MemoryDepot.open({ content });
    const options = async () => ({ depot: await openDepot() });
    const start = () => TestOrigin.start({ redisUrl: redis.url, ...config }, options);
    const fleet = new TestFleet(redis, [], start, openDepot);
    for (let index = 0; index < count; index++) fleet.replicas.push(await start());
    return fleet;
  }

  /** One more replica, which is the caller's to close. */
  another(): Promise<TestOrigin> {
    return this.start();
  }

  async close(): Promise<void> {
    await Promise.all(this.replicas.map((replica) => replica.close()));
    await this.redis.stop();
  }
}
