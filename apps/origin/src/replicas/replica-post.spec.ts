import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';

import { silentLogger, type Logger } from '#lib/runtime';

import { BusExchange, MemoryReplicaBus } from './memory.replica-bus.js';
import { MAX_BUS_TEXT } from './replica-bus.js';
import { ReplicaPost } from './replica-post.js';
import { replicaTopic } from './replica-topic.js';

const Count = replicaTopic('count', z.object({ count: z.number() }));
const Word = replicaTopic('word', z.string());

const warnings: string[] = [];
const logger: Logger = {
  ...silentLogger,
  warn: (message) => void warnings.push(message),
  error: (message) => void warnings.push(message),
};
afterEach(() => warnings.splice(0));

function pair() {
  const exchange = new BusExchange();
  const [one, other] = [new MemoryReplicaBus(exchange), new MemoryReplicaBus(exchange)];
  return { bus: one, one: new ReplicaPost(one, logger), other: new ReplicaPost(other, logger) };
}

describe('ReplicaPost', () => {
  it('brings messages to those who hear their topic', async () => {
    const { one, other } = pair();
    const counts: [number, string][] = [];
    const end = other.hear(Count, ({ count }, from) => counts.push([count, from]));
    expect(one.tell(Count, { count: 1 })).toBe(true);
    one.tell(Word, 'nobody hears this');
    await expect.poll(() => counts).toEqual([[1, one.self]]);
    end();
    one.tell(Count, { count: 2 });
    await Promise.resolve();
    expect(counts).toHaveLength(1);
    expect(warnings).toEqual([]);
  });

  it.each(['', 'no JSON', '[]', '["count"]', '["count",{"count":"1"}]', '{"count":1}', '[1,{}]'])(
    'drops what is not a message and says so: %s',
    async (text) => {
      const { bus, one, other } = pair();
      const counts: number[] = [];
      other.hear(Count, ({ count }) => counts.push(count));
      bus.publish(text);
      one.tell(Count, { count: 1 });
      await expect.poll(() => counts).toEqual([1]);
      expect(warnings).toEqual(['message of another replica not understood']);
    },
  );

  it('does not send what is too long', () => {
    const { one } = pair();
    expect(one.tell(Word, 'x'.repeat(MAX_BUS_TEXT))).toBe(false);
    expect(warnings).toEqual(['message too long for the other replicas']);
  });

  it('counts what became of messages', async () => {
    const { bus, one, other } = pair();
    other.hear(Count, () => {
      throw new Error('a mistake of ours');
    });
    one.tell(Count, { count: 1 });
    one.tell(Word, 'nobody hears this');
    bus.publish('no JSON');
    bus.publish('["count",{}]');
    await expect.poll(() => other.counters.messages.received).toBe(4);
    expect(other.counters.messages).toMatchObject({ failed: 1, unknown: 1, refused: 2 });
    one.tell(Word, 'x'.repeat(MAX_BUS_TEXT));
    bus.set(false);
    one.tell(Word, 'to nobody');
    expect(one.counters.messages).toMatchObject({ sent: 2, dropped: 2, received: 0 });
  });

  it('goes on when a listener throws', async () => {
    const { one, other } = pair();
    const words: string[] = [];
    other.hear(Word, () => {
      throw new Error('a mistake of ours');
    });
    other.hear(Word, (word) => words.push(word));
    one.tell(Word, 'all the same');
    await expect.poll(() => words).toEqual(['all the same']);
    expect(warnings).toEqual(['message of another replica not dealt with']);
  });
});
