import { describe, expect, it } from 'vitest';

import type { PeerFrame, SwarmFrame } from '#lib/contracts';

import { EDGE_FADE_MS, SwarmStage, TRAVEL_MS } from './swarm.stage.js';

function peer(id: string, pieces: string, from: PeerFrame['from'] = []): PeerFrame {
  return {
    peer: id,
    label: id,
    role: id === 'origin' ? 'origin' : 'agent',
    pieces: pieces.padEnd(128, '0'),
    progress: 0,
    bytesPerSecondDown: 0,
    bytesPerSecondUp: 0,
    from,
  };
}

const frameAt = (at: number, ...peers: PeerFrame[]): SwarmFrame => ({ at, artifact: 'x', peers });

function run(stage: SwarmStage, fromMs: number, toMs: number): boolean {
  let moving = false;
  for (let now = fromMs; now <= toMs; now += 50) moving = stage.advance(now);
  return moving;
}

describe('SwarmStage', () => {
  it('fills pieces and sends dots between two frames, and comes to rest', () => {
    const stage = new SwarmStage();
    stage.apply(frameAt(1000, peer('origin', 'ffff'), peer('a', '')), 0);
    run(stage, 0, 1000);
    const got = peer('a', 'ff', [{ peer: 'origin', bytes: 4000 }]);
    stage.apply(frameAt(2000, peer('origin', 'ffff'), got), 1000);
    expect(stage.dots.every((each) => each.from === 'origin' && each.to === 'a')).toBe(true);
    expect(stage.dots.length).toBeGreaterThan(0);
    expect(stage.edges).toEqual([{ from: 'origin', to: 'a', bytesPerSecond: 4000, at: 1000 }]);
    run(stage, 1000, 1500);
    expect(stage.peer('a')!.shown[0]).toBeCloseTo(0.5, 1);
    expect(run(stage, 1500, 2000 + TRAVEL_MS + EDGE_FADE_MS)).toBe(false);
    expect(stage.peer('a')!.shown[0]).toBe(1);
    expect([stage.dots, stage.edges]).toEqual([[], []]);
  });

  it('lets peers that left fade out, and others make room', () => {
    const stage = new SwarmStage();
    stage.apply(frameAt(1000, peer('a', ''), peer('b', ''), peer('c', '')), 0);
    run(stage, 0, 1000);
    const before = stage.peer('c')!.x;
    stage.apply(frameAt(2000, peer('a', ''), peer('c', '')), 1000);
    expect(stage.peer('b')!.leaving).toBe(true);
    run(stage, 1000, 3000);
    expect(stage.peers.map((each) => each.id)).toEqual(['a', 'c']);
    expect(stage.peer('c')!.x).not.toBe(before);
  });

  it('shows no motion when it is to stand still, but the same facts at once', () => {
    const stage = new SwarmStage(true);
    stage.apply(frameAt(1000, peer('origin', 'ff'), peer('a', '')), 0);
    const got = peer('a', 'ff', [{ peer: 'origin', bytes: 4000 }]);
    stage.apply(frameAt(2000, peer('origin', 'ff'), got), 1000);
    expect(stage.advance(1000)).toBe(false);
    expect(stage.dots).toEqual([]);
    expect(stage.edges).toHaveLength(1);
    expect(stage.peer('a')).toMatchObject({ presence: 1 });
    expect(stage.peer('a')!.shown[0]).toBe(1);
  });
});
