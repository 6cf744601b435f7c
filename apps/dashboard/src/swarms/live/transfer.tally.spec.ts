import { describe, expect, it } from 'vitest';

import type { PeerFrame, SwarmFrame } from '#lib/contracts';

import { TransferTally } from './transfer.tally.js';

function frameOf(...peers: Pick<PeerFrame, 'peer' | 'role' | 'from'>[]): SwarmFrame {
  const rest = { label: '', pieces: '', progress: 0, bytesPerSecondDown: 0, bytesPerSecondUp: 0 };
  return { at: 0, artifact: 'x', peers: peers.map((each) => ({ ...rest, ...each })) };
}

describe('TransferTally', () => {
  it('tells what came from the origin from what came from neighbours, over all frames', () => {
    const tally = new TransferTally();
    const origin = { peer: 'o', role: 'origin', from: [] } as const;
    const from = [
      { peer: 'o', bytes: 10 },
      { peer: 'b', bytes: 5 },
    ];
    tally.add(frameOf({ peer: 'a', role: 'agent', from }, { ...origin, from: [] }));
    tally.add(frameOf({ peer: 'a', role: 'agent', from }, { peer: 'b', role: 'agent', from: [] }));
    expect(tally.of('a')).toEqual({ fromOrigin: 20, fromPeers: 10 });
    expect(tally.of('nobody')).toEqual({ fromOrigin: 0, fromPeers: 0 });
    expect(tally.total()).toEqual({ fromOrigin: 20, fromPeers: 10 });
  });
});
