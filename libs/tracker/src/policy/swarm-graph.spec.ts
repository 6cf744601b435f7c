import { describe, expect, it } from 'vitest';

import { VirtualClock, seededRandom, shuffle, type Random } from '#lib/runtime';

import { MemoryPeerStore } from '../store/memory.peer-store.js';
import { peerOf } from '../store/peer-store.conformance.fixture.js';
import type { PeerRecord } from '../store/peer-store.js';
import { HandOut, sampleFor } from './hand-out.policy.js';

const WANT = 12;

interface Graph {
  readonly peers: readonly PeerRecord[];
  /** host → hosts it was told of, and so dials. */
  readonly told: ReadonlyMap<string, ReadonlySet<string>>;
}

/** Lets machines come in random order and announce `rounds` times; keeps what they were told first. */
async function simulate(zones: readonly number[], rounds: number, random: Random): Promise<Graph> {
  const clock = new VirtualClock(1_000_000);
  const store = new MemoryPeerStore({ clock, random });
  const policy = new HandOut(random);
  const peers = zones.flatMap((size, zone) =>
    Array.from({ length: size }, (_, at) =>
      peerOf(`10.${zone}.${at >> 8}.${at & 255}`, {
        zone: `zone-${zone}`,
        rack: `rack-${zone}-${at % 8}`,
        expiresAt: Infinity,
      }),
    ),
  );
  const told = new Map<string, Set<string>>(peers.map(({ host }) => [host, new Set()]));
  for (let round = 0; round < rounds; round++) {
    for (const peer of shuffle([...peers], random)) {
      clock.advance(5);
      // Who has a full set of neighbours asks for no more.
      const want = Math.max(0, WANT - told.get(peer.host)!.size);
      const { picked } = await store.announce(
        { swarm: 'a'.repeat(40), peer, stopped: false, sample: sampleFor(want) },
        (candidates, complete) => policy.pick(candidates, complete, want),
      );
      for (const { host } of picked) told.get(peer.host)!.add(host);
    }
  }
  return { peers, told };
}

function neighboursOf({ told }: Graph): Map<string, Set<string>> {
  const neighbours = new Map([...told].map(([host, hosts]) => [host, new Set(hosts)]));
  for (const [host, hosts] of told) for (const other of hosts) neighbours.get(other)!.add(host);
  return neighbours;
}

/** Hops from one machine to the farthest; Infinity when some are out of reach. */
function eccentricity(graph: Graph): number {
  const neighbours = neighboursOf(graph);
  const start = graph.peers[0]!.host;
  const reached = new Set([start]);
  let edge = [start];
  let hops = 0;
  while (edge.length > 0) {
    edge = edge
      .flatMap((host) => [...neighbours.get(host)!])
      .filter((host) => !reached.has(host) && reached.add(host));
    if (edge.length > 0) hops++;
  }
  return reached.size === graph.peers.length ? hops : Infinity;
}

const zoneOf = (host: string) => host.split('.')[1]!;

describe.each([
  ['one zone', [400]],
  ['four equal zones', [100, 100, 100, 100]],
  ['a large zone and small ones', [340, 40, 15, 5]],
])('the graph of %s', (_name, zones) => {
  it.each([1, 2, 3])('is connected, shallow and of bounded degree (seed %i)', async (seed) => {
    const graph = await simulate(zones, 2, seededRandom(seed));
    expect(eccentricity(graph)).toBeLessThanOrEqual(5);
    const degrees = [...neighboursOf(graph).values()].map((hosts) => hosts.size);
    const dialled = [...graph.told.values()].map((hosts) => hosts.size);
    expect(Math.max(...dialled)).toBeLessThanOrEqual(WANT);
    expect(Math.min(...degrees)).toBeGreaterThanOrEqual(WANT / 2);
    // Everybody dials 12 and is dialled about 12 times; small zones are dialled by their own more.
    expect(Math.max(...degrees)).toBeLessThanOrEqual(6 * WANT);
  });
});

describe('the graph between zones', () => {
  it('gives every machine neighbours of other zones, and every zone many ways out', async () => {
    const graph = await simulate([340, 40, 15, 5], 2, seededRandom(4));
    const neighbours = neighboursOf(graph);
    const starved = graph.peers.filter(({ host }) =>
      [...neighbours.get(host)!].every((other) => zoneOf(other) === zoneOf(host)),
    );
    expect(starved.map(({ host }) => host)).toEqual([]);
    for (const zone of ['1', '2', '3']) {
      const members = graph.peers.filter(({ host }) => zoneOf(host) === zone);
      const outside = members.flatMap(({ host }) =>
        [...neighbours.get(host)!].filter((other) => zoneOf(other) !== zone),
      );
      expect(new Set(outside).size).toBeGreaterThanOrEqual(20);
    }
  });

  it('keeps most neighbours in the own zone when that is large enough', async () => {
    const graph = await simulate([100, 100, 100, 100], 2, seededRandom(5));
    let near = 0;
    let all = 0;
    for (const [host, hosts] of graph.told) {
      near += [...hosts].filter((other) => zoneOf(other) === zoneOf(host)).length;
      all += hosts.size;
    }
    // By chance it would be a quarter.
    expect(near / all).toBeGreaterThan(0.7);
    expect(near / all).toBeLessThan(0.9);
  });

  it('lets a tiny zone not be dialled by everybody', async () => {
    const graph = await simulate([600, 3], 2, seededRandom(7));
    const neighbours = neighboursOf(graph);
    const tiny = graph.peers.filter(({ host }) => zoneOf(host) === '1');
    const degrees = tiny.map(({ host }) => neighbours.get(host)!.size);
    expect(Math.max(...degrees)).toBeLessThan(120);
    expect(eccentricity(graph)).toBeLessThanOrEqual(5);
  });

  it('stays connected when a third of the machines go away', async () => {
    const random = seededRandom(6);
    const graph = await simulate([100, 100, 100, 100], 2, random);
    const left = shuffle([...graph.peers], random).slice(0, 267);
    const alive = new Set(left.map(({ host }) => host));
    const told = new Map(
      [...graph.told]
        .filter(([host]) => alive.has(host))
        .map(([host, hosts]) => [host, new Set([...hosts].filter((other) => alive.has(other)))]),
    );
    expect(eccentricity({ peers: left, told })).toBeLessThanOrEqual(6);
  });
});
