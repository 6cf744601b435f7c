import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { PeerFrame } from '#lib/contracts';
import type { NeighbourStats, TorrentStats } from '#lib/swarm';

import { OriginFrames } from './origin-frames.js';
import { SentBytesMeter } from './sent-bytes.meter.js';

describe('SentBytesMeter', () => {
  it('gives every byte out once, however often it is asked', () => {
    const growth = fc.array(fc.record({ first: fc.nat(100), stall: fc.nat(100) }));
    fc.assert(
      fc.property(growth, (steps) => {
        const meter = new SentBytesMeter();
        const sums: Record<string, number> = { first: 0, stall: 0 };
        const taken: Record<string, number> = { first: 0, stall: 0 };
        for (const { first, stall } of steps) {
          sums['first']! += first;
          sums['stall']! += stall;
          for (const [reason, bytes] of Object.entries(meter.take(sums))) taken[reason]! += bytes;
        }
        expect(taken).toEqual(sums);
      }),
    );
  });
});

function neighbour(over: Partial<NeighbourStats>): NeighbourStats {
  return {
    host: '10.0.0.7',
    port: 6881,
    role: 'stranger',
    distance: 'unknown',
    received: 0,
    sent: 0,
    downRate: 1,
    upRate: 2,
    pieces: 5,
    snubbed: false,
    ...over,
  };
}

const stats: TorrentStats = {
  state: 'seeding',
  haveBytes: 100,
  wantedBytes: 100,
  downRate: 0,
  upRate: 50,
  etaMs: null,
  bytes: {
    fromOrigin: 0,
    fromPeers: 0,
    fromAfar: 0,
    fromStrangers: 0,
    fromWebSeed: 0,
    sent: { first: 0, rare: 0, stall: 0, stranger: 0, peer: 0 },
    wasted: { hashFailure: 0, duplicate: 0, aborted: 0 },
  },
  pieceMap: Array.from({ length: 64 }, () => 1),
  neighbours: [],
  knownAddresses: 0,
  spansInFlight: 0,
};

describe('OriginFrames', () => {
  it('shows the origin, and strangers in its place, with what they got since', () => {
    const frames = new OriginFrames();
    const at = (sent: number) => ({
      ...stats,
      neighbours: [
        neighbour({ sent, client: 'qB' }),
        neighbour({ role: 'agent', host: '10.0.0.8' }),
      ],
    });
    const [origin, stranger, ...others] = frames.take(at(30), 10);
    expect(others).toEqual([]);
    expect(PeerFrame.parse(origin)).toMatchObject({ peer: 'origin', progress: 1, from: [] });
    expect(PeerFrame.parse(stranger)).toMatchObject({
      peer: '10.0.0.7:6881',
      label: 'qB',
      progress: 0.5,
      from: [{ peer: 'origin', bytes: 30 }],
    });
    expect(frames.take(at(30), 10)[1]!.from).toEqual([]);
    expect(frames.take(at(42), 10)[1]!.from).toEqual([{ peer: 'origin', bytes: 12 }]);
  });
});
