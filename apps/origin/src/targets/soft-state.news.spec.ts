import { setImmediate as nextTurn } from 'node:timers/promises';

import { expect, it } from 'vitest';

import { emptyContent, MemoryDepot } from '#lib/depot';
import { silentLogger, VirtualClock } from '#lib/runtime';

import { BusExchange, MemoryReplicaBus } from '../replicas/memory.replica-bus.js';
import { ReplicaBoard } from '../replicas/replica-board.js';
import { ReplicaPost } from '../replicas/replica-post.js';
import { FleetTime } from './fleet.time.js';
import { Presence } from './presence.js';
import { SoftStateNews } from './soft-state.news.js';
import { TargetRegistry } from './target.registry.js';
import { TargetStates } from './target.states.js';

const T = 'ab'.repeat(20);
/** Longer than words are gathered. */
const TOLD_MS = 300;
/** A sign that is so old does not show a target as there: only a stream does, ms. */
const LONG = 3_600_000;

const request = { publicKey: 'A'.repeat(43), hostname: 'h', labels: {}, agentVersion: '1' };

async function fleet() {
  const clock = new VirtualClock(1_000_000);
  const exchange = new BusExchange();
  const content = emptyContent();
  const replica = async () => {
    const registry = new TargetRegistry(await MemoryDepot.open({ content }));
    const post = new ReplicaPost(new MemoryReplicaBus(exchange), silentLogger);
    const presence = new Presence();
    const states = new TargetStates(new FleetTime(() => clock.now()));
    const describe = () => ({ roles: [], peer: null });
    const board = new ReplicaBoard({ post, clock, logger: silentLogger, describe });
    const parts = [presence, states, registry, post, board, clock, silentLogger] as const;
    new SoftStateNews(...parts).onApplicationBootstrap();
    board.begin();
    return { presence, board, registry };
  };
  const told = async () => {
    clock.advance(TOLD_MS);
    await nextTurn();
  };
  const [one, two] = [await replica(), await replica()];
  await two.registry.join(T, request, 'a token', clock.now());
  await one.registry.load();
  return { clock, told, one, two };
}

it('counts no streams of a replica that is ending, whatever it tells until its end', async () => {
  const { clock, told, one, two } = await fleet();
  await told();
  two.presence.streamOpened(T, 'first', clock.now());
  await told();
  expect(one.presence.isOnline(T, clock.now() + LONG)).toBe(true);
  two.board.end();
  await told();
  const seenAt = clock.now();
  two.presence.seen(T, 'first', seenAt);
  await told();
  expect(one.presence.lastSeenAt(T)).toBeGreaterThanOrEqual(seenAt);
  expect(one.presence.isOnline(T, clock.now() + LONG)).toBe(false);
});

it('forgets a target that was removed, though a replica that does not know it speaks of it', async () => {
  const { clock, told, one, two } = await fleet();
  two.presence.streamOpened(T, 'first', clock.now());
  await told();
  expect(one.presence.onlineCount(clock.now())).toBe(1);
  await one.registry.remove(T);
  one.presence.forget(T);
  two.presence.seen(T, 'first', clock.now());
  await told();
  expect(one.presence.onlineCount(clock.now())).toBe(0);
});
