import { describe, expect, it } from 'vitest';

import type { AnnounceRequest } from './announce-request.js';
import { memberOf, requestFrom, trackerOf } from './tracker.fixture.js';

const AGENTS = 10_000;
const HELD = 10;

describe('a tracker that begins anew', () => {
  it('takes ten thousand agents back with all they hold, one batch each', async () => {
    const { tracker } = trackerOf('open');
    const hashes = Array.from({ length: HELD }, (_, at) => Buffer.alloc(20, 0x40 + at));
    for (let agent = 0; agent < AGENTS; agent++) {
      const address = `10.1.${agent >> 8}.${agent & 255}`;
      const batch = hashes.map((infoHash): AnnounceRequest => ({
        ...requestFrom(address, { infoHash, left: 0, numWant: 0 }),
      }));
      const { accepted, refused } = await tracker.announceMany(batch, memberOf(`agent-${agent}`));
      if (accepted !== HELD || refused.length > 0) throw new Error(`${address} was not taken`);
    }
    expect(await tracker.stats()).toEqual({ swarms: HELD, peers: AGENTS * HELD });
    // Whoever comes next is told of them.
    const request = requestFrom('10.9.9.9', { infoHash: hashes[0]!, numWant: 30 });
    const { peers, complete } = await tracker.announce(request, memberOf('late'));
    expect({ peers: peers.length, complete }).toEqual({ peers: 30, complete: AGENTS });
  });
});
