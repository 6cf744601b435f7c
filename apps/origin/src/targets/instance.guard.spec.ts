import { describe, expect, it } from 'vitest';

import { silentLogger, VirtualClock } from '#lib/runtime';

import { BusExchange, MemoryReplicaBus } from '../replicas/memory.replica-bus.js';
import { ReplicaBoard } from '../replicas/replica-board.js';
import { ReplicaPost } from '../replicas/replica-post.js';
import type { IdentityClaim, IdentityClaims } from './identity-claims.js';
import { InstanceGuard } from './instance.guard.js';
import { MemoryIdentityClaims } from './memory.identity-claims.js';
import { Presence } from './presence.js';

const T = 'ab'.repeat(20);
const refused = expect.objectContaining({ code: 'DUPLICATE_IDENTITY' });

/** Claims that can be away. */
class FrailClaims implements IdentityClaims {
  isAway = false;
  asked = 0;
  readonly #listeners = new Set<() => void>();
  readonly #claims: MemoryIdentityClaims;

  constructor(clock: VirtualClock) {
    this.#claims = new MemoryIdentityClaims(() => clock.now());
  }

  async claim(claim: IdentityClaim): Promise<boolean> {
    this.asked++;
    if (this.isAway) throw new Error('away');
    return this.#claims.claim(claim);
  }

  onBack(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** They can be reached again; what they knew is lost. */
  comeBackEmpty(): void {
    this.#claims.close();
    this.isAway = false;
    for (const listener of this.#listeners) listener();
  }

  close(): void {
    this.#claims.close();
  }
}

function fleet() {
  const clock = new VirtualClock(1_000_000);
  const claims = new FrailClaims(clock);
  const exchange = new BusExchange();
  const replica = () => {
    const bus = new MemoryReplicaBus(exchange);
    const post = new ReplicaPost(bus, silentLogger);
    const presence = new Presence();
    const shared = { post, clock, logger: silentLogger };
    const board = new ReplicaBoard({ ...shared, describe: () => ({ roles: [], peer: null }) });
    board.begin();
    const guard = new InstanceGuard({ ...shared, presence, claims, board });
    const stream = (instance: string) => {
      const closed = presence.streamOpened(T, instance, clock.now());
      return () => {
        closed(clock.now());
        guard.streamClosed(T, instance);
      };
    };
    const admit = (instance: string) => guard.admit(T, instance, clock.now() + 900_000);
    return { bus, post, guard, presence, admit, stream };
  };
  return { clock, claims, exchange, one: replica(), two: replica() };
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
}

describe('InstanceGuard', () => {
  it('lets one instance in, at all replicas', async () => {
    const { one, two } = fleet();
    await settle();
    await one.admit('first');
    await two.admit('first');
    await expect(two.admit('second')).rejects.toEqual(refused);
    await expect(one.admit('second')).rejects.toEqual(refused);
  });

  it('goes by the others when they know that the place is free', async () => {
    const { one, two } = fleet();
    await settle();
    // Seen at one a moment ago; its stream is at two, and ends.
    await one.admit('first');
    await two.admit('first');
    const close = two.stream('first');
    await two.guard.streamIsOpen(T, 'first');
    close();
    await settle();
    await one.admit('second');
    expect(one.presence.instanceOf(T)).toBe('second');
    await settle();
    await expect(two.admit('first')).rejects.toEqual(refused);
    expect(await two.guard.streamIsOpen(T, 'first')).toBe(false);
  });

  it('does not ask again for what was granted a moment ago', async () => {
    const { clock, claims, one } = fleet();
    await settle();
    await one.admit('first');
    await one.admit('first');
    expect(claims.asked).toBe(1);
    clock.advance(5001);
    await one.admit('first');
    expect(claims.asked).toBe(2);
  });

  it.each(['the claims', 'the bus'])(
    'goes by what it has seen itself while %s cannot be reached',
    async (what) => {
      const { claims, one, two } = fleet();
      await settle();
      await one.admit('first');
      if (what === 'the bus') for (const { bus } of [one, two]) bus.set(false);
      else claims.isAway = true;
      await one.admit('first');
      await expect(one.admit('second')).rejects.toEqual(refused);
      // Nobody is locked out by what a replica that may be dead knew.
      await two.admit('second');
      expect(await two.guard.streamIsOpen(T, 'second')).toBe(true);
    },
  );

  it('does not go by what it granted to an instance whose last stream has ended', async () => {
    const { claims, one } = fleet();
    await settle();
    await one.admit('first');
    const closes = [one.stream('first'), one.stream('first')];
    await one.guard.streamIsOpen(T, 'first');
    // At a replica that nothing is heard from.
    const alive = [one.post.self];
    const second = { target: T, instance: 'second', replica: 'third', stream: null, alive };
    closes[0]!();
    await settle();
    expect(await claims.claim(second)).toBe(false);
    closes[1]!();
    await settle();
    expect(await claims.claim(second)).toBe(true);
    await expect(one.admit('first')).rejects.toEqual(refused);
  });

  it('tells the end of a stream when it can, so that nobody waits for it', async () => {
    const { claims, clock, one, two } = fleet();
    await settle();
    await one.admit('first');
    const close = one.stream('first');
    await one.guard.streamIsOpen(T, 'first');
    claims.isAway = true;
    close();
    await settle();
    one.bus.set(false);
    claims.isAway = false;
    one.bus.set(true);
    await settle();
    clock.advance(1);
    await two.admit('second');
    expect(two.presence.instanceOf(T)).toBe('second');
  });

  it.each(['the claims', 'the bus'])(
    'tells those who have a stream when %s can be reached again and claims may be lost',
    async (what) => {
      const { claims, one, two } = fleet();
      await settle();
      await one.admit('first');
      one.stream('first');
      one.guard.onBack(() => void one.guard.streamIsOpen(T, 'first'));
      claims.isAway = true;
      one.bus.set(false);
      if (what === 'the claims') one.bus.set(true);
      claims.comeBackEmpty();
      if (what === 'the bus') one.bus.set(true);
      await settle();
      await expect(two.admit('second')).rejects.toEqual(refused);
    },
  );

  it('does not count the streams of a replica that died', async () => {
    const { clock, exchange, one, two } = fleet();
    await settle();
    await one.admit('first');
    one.stream('first');
    await one.guard.streamIsOpen(T, 'first');
    exchange.buses.delete(one.bus);
    for (let gone = 0; gone < 16; gone++) {
      clock.advance(1000);
      await settle();
    }
    await two.admit('second');
    expect(two.presence.instanceOf(T)).toBe('second');
  });
});
