import { expect, it } from 'vitest';

import { silentLogger, VirtualClock } from '#lib/runtime';

import { BusExchange, MemoryReplicaBus } from '../replicas/memory.replica-bus.js';
import { ReplicaBoard } from '../replicas/replica-board.js';
import { ReplicaPost } from '../replicas/replica-post.js';
import { FleetTime } from './fleet.time.js';
import { Presence } from './presence.js';
import { SoftStateNews } from './soft-state.news.js';
import { TargetStates } from './target.states.js';

const T = 'ab'.repeat(20);
/** Longer than words are gathered. */
const TOLD_MS = 300;
/** A sign that is so old does not show a target as there: only a stream does, ms. */
const LONG = 3_600_000;

function fleet() {
  const clock = new VirtualClock(1_000_000);
  const exchange = new BusExchange();
  const replica = () => {
    const post = new ReplicaPost(new MemoryReplicaBus(exchange), silentLogger);
    const presence = new Presence();
    const states = new TargetStates(new FleetTime(() => clock.now()));
    const describe = () => ({ roles: [], peer: null });
    const board = new ReplicaBoard({ post, clock, logger: silentLogger, describe });
    new SoftStateNews(presence, states, post, board, clock).onApplicationBootstrap();
    board.begin();
    return { presence, board };
  };
  const told = async () => {
    clock.advance(TOLD_MS);
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  };
  return { clock, told, one: replica(), two: replica() };
}

it('counts no streams of a replica that is ending, whatever it tells until its end', async () => {
  const { clock, told, one, two } = fleet();
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
