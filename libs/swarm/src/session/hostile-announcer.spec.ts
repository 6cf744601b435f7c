import { afterEach, describe, expect, it } from 'vitest';

import { FleetseedError } from '#lib/contracts';

import type { AnnounceAnswer, Announcer, PeerAddress } from '../announce/announcer.js';
import { memberThat, sendSpan } from './bad-peers.fixture.js';
import { KIB, MIB, TestFleet, artifactOf, eventually } from './session.fixture.js';

const artifact = artifactOf({ files: [2 * MIB], pieceLength: 64 * KIB });
const opened: { close(): Promise<void> }[] = [];

function keep<T extends { close(): Promise<void> }>(server: T): T {
  opened.push(server);
  return server;
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map((server) => server.close()));
});

/** A tracker that tells what it likes; the first answer names nobody. */
function announcerThatTells(peers: () => readonly PeerAddress[]): Announcer {
  return {
    announce: () =>
      Promise.resolve<AnnounceAnswer>({ intervalMs: 50, minIntervalMs: 50, peers: peers() }),
    retryAfterMs: () => 50,
  };
}

describe('a tracker that names', () => {
  it('ourselves has us dial ourselves once', async () => {
    const fleet = keep(new TestFleet(artifact));
    let port = 0;
    let told = 0;
    const announcer = announcerThatTells(() => {
      told++;
      return port === 0 ? [] : [{ host: '127.0.0.1', port }];
    });
    const { session, torrent } = await fleet.add({ announcer });
    ({ port } = session);
    await eventually(() => session.stats().refused).toBeGreaterThan(0);
    const { refused } = session.stats();
    const before = told;
    await eventually(() => told).toBeGreaterThan(before + 10);
    expect(session.stats().refused).toBe(refused);
    expect(torrent.stats().neighbours).toEqual([]);
  });

  it('peers without end, that are not there, that cannot be, and one that is', async () => {
    const fleet = keep(new TestFleet(artifact));
    const honest = keep(await memberThat(artifact, '127.0.0.11', sendSpan));
    const nobody = Array.from({ length: 10_000 }, (_, at) => ({
      // Nobody listens on ports below 64 of these.
      host: `127.9.${at >> 8}.${at & 255}`,
      port: 1 + (at % 60),
    }));
    const impossible = [
      { host: '0.0.0.0', port: 1 },
      { host: '255.255.255.255', port: 1 },
      { host: '224.0.0.1', port: 1 },
      { host: '::', port: 1 },
      { host: 'ff02::1', port: 1 },
      { host: '127.0.0.1', port: 0 },
    ];
    let round = 0;
    const announcer = announcerThatTells(() => {
      const list = [...impossible, ...nobody.slice(500 * round, 500 * (round + 1))];
      // It is named late, when as many are remembered as there is room for.
      return ++round > 4 ? [...list, { host: '127.0.0.11', port: honest.port }] : list;
    });
    const machine = await fleet.add({ announcer });
    await machine.torrent.done;
    expect(artifact.payload.equals(await machine.content())).toBe(true);
    expect(machine.torrent.stats().knownAddresses).toBeLessThanOrEqual(1000);
  });

  it('nobody, and fails in every way, keeps nothing from going on', async () => {
    const fleet = keep(new TestFleet(artifact));
    let failures = 0;
    const announcer: Announcer = {
      announce: () => {
        const code = failures++ % 2 === 0 ? 'TRACKER_ANSWER_INVALID' : 'ORIGIN_UNREACHABLE';
        return Promise.reject(new FleetseedError(code, 'No.'));
      },
      retryAfterMs: () => 20,
    };
    const machine = await fleet.add({ announcer });
    const honest = keep(await memberThat(artifact, '127.0.0.11', sendSpan));
    await eventually(() => failures).toBeGreaterThan(3);
    machine.torrent.addPeers([{ host: '127.0.0.11', port: honest.port }]);
    await machine.torrent.done;
    expect(machine.torrent.state).toBe('seeding');
  });
});
