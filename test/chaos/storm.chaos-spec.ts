import { writeFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { ChannelState, Page, Release, Savings } from '#lib/contracts';

import { freshBytes } from '../support/content.js';
import { callApi } from '../support/origin-api.js';
import { treePicture } from '../support/tree-picture.js';
import { until } from '../support/waiting.js';
import { ChaosFleet } from './chaos.fixture.js';
import { Driver } from './driver.js';
import { Receiver } from './receiver.js';

const MIB = 1024 * 1024;
const AGENTS = 20;
const REPLICAS = [0, 1, 2];
const OUTAGE_MS = 20_000;
/** What one origin may give of an artifact that one crowd of machines stages, copies; each keeps to it by itself. */
const BUDGET = 1.2;

let fleet: ChaosFleet;
let driver: Driver;
let receiver: Receiver;
/** What each version of `web` is made of. */
const trees = new Map<string, string>();

beforeAll(async () => {
  receiver = await Receiver.start();
  fleet = await ChaosFleet.start('storm');
  const secret = fleet.sandbox.path('webhook-secret');
  await writeFile(secret, 'a secret of this test alone');
  fleet.replicas.args.push('--webhook-url', receiver.url, '--webhook-secret-file', secret);
  await Promise.all(REPLICAS.map((nth) => fleet.replicas.start(nth)));
  driver = new Driver(fleet);
}, 600_000);
afterAll(async () => {
  await fleet.stop();
  await receiver.stop();
});

async function treeOf(version: string): Promise<string> {
  const small = Array.from({ length: 20 }, (_, nth) => [`lib/${nth}.js`, freshBytes(3000 + nth)]);
  const files = Object.fromEntries(small) as Record<string, Buffer>;
  const tree = await fleet.sandbox.tree({ ...files, 'bin/app': freshBytes(5 * MIB), version });
  trees.set(version, tree);
  return tree;
}

/** Does something while releases are pushed and the channel moves. */
async function meanwhile(versions: readonly string[], trouble: () => Promise<void>): Promise<void> {
  await Promise.all([driver.release(versions, treeOf), trouble()]);
  await driver.settled();
}

const killOneAfterTheOther = async () => {
  for (const nth of REPLICAS) {
    await pause(1000);
    await fleet.replicas.kill(nth);
    await pause(1500);
    await fleet.replicas.start(nth);
  }
};

describe('three replicas behind a proxy that knows nothing', () => {
  it('bring a release to twenty machines within their budgets, and show the same account', async () => {
    await fleet.addAgents(AGENTS);
    await meanwhile(['1'], async () => undefined);
    const { artifact, bytes } = await releaseOf('1');
    const sent = async (nth: number) => {
      const savings = await fleet.replicas.origin(nth).json<Savings>('savings');
      const line = savings.artifacts.find((each) => each.artifact === artifact);
      return line?.delivered === AGENTS * bytes ? line.origin : undefined;
    };
    const copies = [];
    for (const nth of REPLICAS) {
      copies.push((await until(`account at replica ${nth}`, () => sent(nth))) / bytes);
    }
    const given = await givenByItself();
    expect(given / bytes).toBeLessThanOrEqual(BUDGET);
    expect(given).toBeGreaterThan(0);
    expect(new Set(copies).size, `the same everywhere: ${copies.join()}`).toBe(1);
  });

  it('go on while each of them is killed and comes back', async () => {
    const upload = await driver.upload('killed');
    await meanwhile(['2', '3'], killOneAfterTheOther);
    expect(await upload.received()).toEqual([...driver.parts.get(upload)!]);
    await driver.complete(upload);
  });

  it('go on while Redis is emptied, and is away for twenty seconds', async () => {
    const upload = await driver.upload('no-redis');
    await meanwhile(['4', '5'], async () => {
      await fleet.redis.empty();
      await pause(1000);
      fleet.redis.pause();
      await pause(OUTAGE_MS);
      fleet.redis.resume();
      await fleet.redis.empty();
    });
    expect(await upload.received()).toEqual([...driver.parts.get(upload)!]);
    await driver.complete(upload);
  });

  it('go on while the store answers 503, says nothing and loses answers', async () => {
    let count = 0;
    const everyNinth = () => ++count % 9 === 0;
    for (const fault of ['slow-down', 'silent', 'lost-answer', 'truncated'] as const) {
      fleet.store.plan(fault, everyNinth, 10);
    }
    await meanwhile(['6'], async () => {
      await driver.complete(await driver.upload('no-store'));
    });
    expect(fleet.store.faults.length).toBeGreaterThan(10);
    fleet.store.reset();
  });

  it('have lost nothing that was acknowledged, and published nothing twice', async () => {
    const path = '/api/v1/apps/web/releases?limit=100';
    const releases = await callApi<Page<Release>>(fleet.origin, 'GET', path);
    const listed = releases.body.items.map(({ version, artifact }) => [version, artifact] as const);
    expect(listed).toHaveLength(driver.published.size);
    expect(new Map(listed)).toEqual(driver.published);

    const history = await callApi<Page<ChannelState>>(
      fleet.origin,
      'GET',
      '/api/v1/apps/web/channels/stable/history?limit=100',
    );
    const moves = new Map(history.body.items.map((each) => [each.sequence, each.version]));
    for (const { sequence, version } of driver.moves) expect(moves.get(sequence)).toBe(version);

    for (const { data } of fleet.agents) {
      expect(treePicture(`${data}/apps/web/current`)).toEqual(treePicture(trees.get('6')!));
    }
    const told = async () => receiver.publishedOf('web').length >= driver.published.size;
    await until('webhooks are told', told, 60_000);
    expect(receiver.publishedOf('web')).toEqual([...driver.published.keys()].toSorted());
    expect(receiver.publishedOf('raw')).toEqual(['killed', 'no-redis', 'no-store']);
  });
});

/** Bytes of first and rare copies; what machines get that stand still, as they may here, is in no budget. */
async function givenByItself(): Promise<number> {
  const { body } = await callApi<string>(fleet.replicas.origin(0), 'GET', '/metrics');
  const lines = body.matchAll(
    /^fleetseed_origin_sent_bytes_total\{reason="(first|rare)"\} (\d+)$/gm,
  );
  return [...lines].reduce((sum, [, , bytes]) => sum + Number(bytes), 0);
}

async function releaseOf(version: string): Promise<Release> {
  const path = `/api/v1/apps/web/releases/${version}`;
  return (await callApi<Release>(fleet.origin, 'GET', path)).body;
}
