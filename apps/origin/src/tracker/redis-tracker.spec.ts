import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';

import type { AgentEvent, Release } from '#lib/contracts';
import { buildAnnounceUrl, decodeAnnounceAnswer } from '#lib/wire';

import { RedisServer } from '../../../../test/support/redis-server.js';
import { TestAgent, TestOrigin } from '../targets/agent.fixture.js';
import { swarmIdOf } from './artifact.index.js';

let redis: RedisServer;
let origin: TestOrigin;
let release: Release;

beforeEach(async () => {
  redis = await RedisServer.start({ password: 'open sesame' });
  origin = await TestOrigin.start({ roles: 'api,tracker,work', redisUrl: redis.url });
  release = await origin.publish('web', '1', Buffer.from('one'));
});
afterEach(async () => {
  await origin.close();
  await redis.stop();
});

/** Ports of the peers that a download is told of. */
async function told(port: number): Promise<number[]> {
  const [[url]] = (await origin.ticket(release.artifact)).announce as [[string]];
  const answer = await fetch(
    buildAnnounceUrl(url, {
      infoHash: Buffer.from(swarmIdOf(release.artifact), 'hex'),
      peerId: Buffer.alloc(20, port),
      port,
      uploaded: 0,
      downloaded: 0,
      left: 3,
      event: 'started',
      numWant: 50,
      compact: true,
      noPeerId: false,
    }),
  );
  const parsed = decodeAnnounceAnswer(Buffer.from(await answer.arrayBuffer()));
  if (parsed.type === 'failure') throw new Error(parsed.reason);
  return parsed.peers.map((peer) => peer.port).toSorted((one, other) => one - other);
}

async function epochOf(events: AsyncGenerator<AgentEvent>): Promise<string> {
  for (;;) {
    const { done, value } = await events.next();
    if (done === true) throw new Error('The stream ended.');
    if (value.type === 'hello') return value.bootEpoch;
  }
}

describe('an origin whose peer lists are in Redis', () => {
  it('knows its peers after a restart, under the same boot epoch', async () => {
    const agent = await (await new TestAgent(origin).join()).open();
    const { bootEpoch } = agent.session!;
    expect(await told(7001)).toEqual([]);
    await origin.restart();
    expect(await told(7002)).toEqual([7001]);
    expect((await agent.open()).session!.bootEpoch).toBe(bootEpoch);
  });

  it('says on streams that are open that Redis was emptied, and takes agents back', async () => {
    const agent = await (await new TestAgent(origin).join()).open();
    const announce = async () => {
      await agent.client.call({
        method: 'POST',
        path: '/api/v1/agent/announce',
        json: {
          announces: [{ artifact: release.artifact, left: 0 }],
          peerAddress: '0.0.0.0:7101',
        },
        answer: z.object({}),
      });
    };
    await announce();
    const stream = new AbortController();
    const events = agent.events(stream.signal);
    expect(await epochOf(events)).toBe(agent.session!.bootEpoch);
    await redis.empty();
    expect(await epochOf(events)).not.toBe(agent.session!.bootEpoch);
    expect(await told(7102)).toEqual([]);
    await announce();
    expect(await told(7103)).toEqual([7101, 7102]);
    stream.abort();
  });

  it('brings peers together while Redis is away', async () => {
    expect(await told(7201)).toEqual([]);
    await redis.kill();
    expect(await told(7202)).toEqual([7201]);
    expect(await told(7203)).toEqual([7201, 7202]);
    await redis.start();
    await expect
      .poll(() => redis.command('KEYS', '*:swarm:*'), { timeout: 20_000 })
      .toMatch(/:meta/);
  });
});
