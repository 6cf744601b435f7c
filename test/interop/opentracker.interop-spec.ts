import { randomBytes } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { systemClock, systemRandom } from '#lib/runtime';
import { TrackerAnnouncer, type AnnounceRequest } from '#lib/swarm';
import { peerIdOf } from '#lib/wire';

import { startOpentracker, type Opentracker } from '../support/clients/opentracker.js';

const KNOWN = randomBytes(20);
const REQUEST: AnnounceRequest = {
  event: 'started',
  uploaded: 0,
  downloaded: 0,
  left: 1000,
  numWant: 50,
};

describe('announcing to opentracker', () => {
  let tracker: Opentracker;

  beforeAll(async () => {
    tracker = await startOpentracker([KNOWN]);
  });
  afterAll(() => tracker.stop());

  function announcer(url: string, port: number, hash = KNOWN): TrackerAnnouncer {
    return new TrackerAnnouncer({
      tiers: [['udp://127.0.0.1:9'], [url]],
      infoHashes: [{ view: 'v2', hash }],
      peerId: peerIdOf(),
      port,
      clock: systemClock,
      random: systemRandom,
    });
  }

  for (const [name, port] of [
    ['udpUrl', 7001],
    ['httpUrl', 7101],
  ] as const) {
    it(`brings peers together, ${name}`, async () => {
      const seed = announcer(tracker[name], port);
      await seed.announce({ ...REQUEST, left: 0 });
      const other = announcer(tracker[name], port + 1);
      const answer = await other.announce(REQUEST);
      expect(answer.complete).toBeGreaterThanOrEqual(1);
      expect(answer.peers).toContainEqual({ host: '127.0.0.1', port, hash: 'v2' });
      expect(answer.intervalMs).toBeGreaterThan(60_000);
      await other.announce({ ...REQUEST, event: 'completed', left: 0 });
      await seed.announce({ ...REQUEST, event: 'stopped', left: 0 });
      const { peers } = await announcer(tracker[name], port + 2).announce(REQUEST);
      expect(peers).not.toContainEqual({ host: '127.0.0.1', port, hash: 'v2' });
    });
  }

  it('is told of a refusal', async () => {
    const refused = { code: 'TRACKER_ANSWER_INVALID' };
    const stranger = announcer(tracker.udpUrl, 7201, randomBytes(20));
    await expect(stranger.announce(REQUEST)).rejects.toMatchObject(refused);
  });
});
