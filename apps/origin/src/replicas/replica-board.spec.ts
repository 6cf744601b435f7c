import { describe, expect, it } from 'vitest';

import { silentLogger, VirtualClock, type Clock } from '#lib/runtime';

import { SILENCE_MS } from './membership.js';
import { BusExchange, MemoryReplicaBus } from './memory.replica-bus.js';
import { ReplicaBoard } from './replica-board.js';
import { ReplicaPost } from './replica-post.js';

class TestReplica {
  readonly bus: MemoryReplicaBus;
  readonly board: ReplicaBoard;
  facts = { roles: ['api', 'seed'], peer: null as string | null };

  constructor(exchange: BusExchange, clock: Clock) {
    this.bus = new MemoryReplicaBus(exchange);
    const post = new ReplicaPost(this.bus, silentLogger);
    const describe = () => this.facts;
    this.board = new ReplicaBoard({ post, clock, logger: silentLogger, describe });
  }

  get sees(): readonly string[] {
    return this.board.alive().map(({ replica }) => replica);
  }
}

function fleet(count: number) {
  const clock = new VirtualClock(1_000_000);
  const exchange = new BusExchange();
  const replicas = Array.from({ length: count }, () => {
    const replica = new TestReplica(exchange, clock);
    // In the order of their start.
    clock.advance(1);
    replica.board.begin();
    return replica;
  });
  return { clock, exchange, replicas };
}

/** Lets messages arrive and timers begin anew. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
}

/** Time goes on in steps, as messages need their turns. */
async function pass(clock: VirtualClock, ms: number): Promise<void> {
  for (let gone = 0; gone < ms; gone += 500) {
    clock.advance(500);
    await settle();
  }
}

describe('ReplicaBoard', () => {
  it('knows itself when it is alone', () => {
    const { replicas } = fleet(1);
    expect(replicas[0]!.board.alive()).toEqual([
      expect.objectContaining({ replica: replicas[0]!.board.self, roles: ['api', 'seed'] }),
    ]);
  });

  it('gives all replicas the same list as soon as they begin', async () => {
    const { replicas } = fleet(3);
    await settle();
    const ids = replicas.map(({ board }) => board.self);
    for (const replica of replicas) expect(replica.sees).toEqual(ids);
  });

  it('drops who says good-bye at once, and who dies after a while', async () => {
    const { clock, exchange, replicas } = fleet(3);
    const [one, two, three] = replicas as [TestReplica, TestReplica, TestReplica];
    await settle();
    const lists: number[] = [];
    one.board.onChange((alive) => lists.push(alive.length));
    two.board.end();
    await settle();
    expect(one.sees).toEqual([one.board.self, three.board.self]);
    // Killed: nothing is heard of it any more, and it says nothing.
    exchange.buses.delete(three.bus);
    await pass(clock, SILENCE_MS + 2000);
    expect(one.sees).toEqual([one.board.self]);
    expect(lists).toEqual([2, 1]);
  });

  it('keeps the list that it had while the bus is down, and for the first beats after', async () => {
    const { clock, exchange, replicas } = fleet(2);
    const [one, two] = replicas as [TestReplica, TestReplica];
    await settle();
    one.bus.set(false);
    await pass(clock, 60_000);
    expect(one.sees).toEqual([one.board.self, two.board.self]);
    // Cut off as it was, it was dropped by the other, which is told at once that it is there.
    expect(two.sees).toEqual([two.board.self]);
    one.bus.set(true);
    await settle();
    expect(two.sees).toEqual([one.board.self, two.board.self]);
    await pass(clock, 60_000);
    expect(one.sees).toHaveLength(2);
    exchange.buses.delete(two.bus);
    await pass(clock, SILENCE_MS + 2000);
    expect(one.sees).toEqual([one.board.self]);
  });

  it('tells who wants to be told everything: who begins, and who was cut off', async () => {
    const { replicas } = fleet(2);
    const [one, two] = replicas as [TestReplica, TestReplica];
    await settle();
    const asked: string[] = [];
    one.board.onAsked((from) => asked.push(from));
    two.bus.set(false);
    two.bus.set(true);
    await settle();
    expect(asked).toEqual([two.board.self]);
    two.board.tellOthers();
    await settle();
    expect(asked).toHaveLength(1);
  });

  it('tells what a replica does, and where its peers connect, when that changes', async () => {
    const { replicas } = fleet(2);
    const [one, two] = replicas as [TestReplica, TestReplica];
    await settle();
    two.facts = { roles: ['seed'], peer: '10.0.0.2:7000' };
    two.board.tellOthers();
    await settle();
    expect(one.board.alive()).toMatchObject([
      { peer: null },
      { replica: two.board.self, roles: ['seed'], peer: '10.0.0.2:7000' },
    ]);
    expect(two.board.has(one.board.self)).toBe(true);
  });
});
