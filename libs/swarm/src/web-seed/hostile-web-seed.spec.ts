import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterEach, describe, expect, it } from 'vitest';

import { systemClock, systemRandom } from '#lib/runtime';

import { MIB, TestFleet, artifactOf } from '../session/session.fixture.js';
import { WebSeedClient } from './web-seed.client.js';

const artifact = artifactOf({ files: [3 * MIB] });
const opened: { close(): Promise<void> }[] = [];

afterEach(async () => {
  await Promise.all(opened.splice(0).map((server) => server.close()));
});

interface Served {
  readonly seed: WebSeedClient;
  requests: number;
}

/** A web seed for the artifact, whose server does as it likes. */
async function seedThat(listener: RequestListener): Promise<Served> {
  const server = createServer((request, response) => {
    served.requests++;
    response.on('error', () => {});
    listener(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  opened.push({
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
  const seed = new WebSeedClient({
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/artifact`,
    layout: artifact.metainfo,
    timeoutMs: 100,
    clock: systemClock,
    random: systemRandom,
  });
  const served: Served = { seed, requests: 0 };
  return served;
}

const rangeOf = (header: string | undefined) => {
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(header!)!;
  return { first: Number(first), last: Number(last) };
};

const honest: RequestListener = (request, response) => {
  const { first, last } = rangeOf(request.headers.range);
  const part = artifact.payload.subarray(first, last + 1);
  response.writeHead(206, { 'content-range': `bytes ${first}-${last}/${artifact.payload.length}` });
  response.end(part);
};

describe('a download whose web seed', () => {
  it.each<[string, RequestListener]>([
    [
      'sends a byte now and then',
      (request, response) => {
        const { first, last } = rangeOf(request.headers.range);
        response.writeHead(206, { 'content-range': `bytes ${first}-${last}/*` });
        const timer = setInterval(() => response.write(Buffer.alloc(1)), 20);
        response.on('close', () => clearInterval(timer));
      },
    ],
    [
      'sends wrong bytes',
      (request, response) => {
        const { first, last } = rangeOf(request.headers.range);
        response.writeHead(206, { 'content-range': `bytes ${first}-${last}/*` });
        response.end(Buffer.alloc(last - first + 1));
      },
    ],
    [
      'sends another range',
      (request, response) => {
        const { first, last } = rangeOf(request.headers.range);
        response.writeHead(206, { 'content-range': `bytes ${first + 1}-${last + 1}/*` });
        response.end(Buffer.alloc(last - first + 1));
      },
    ],
    ['knows no ranges', (_request, response) => response.writeHead(200).end(artifact.payload)],
    [
      'ends in the middle',
      (request, response) => {
        const { first, last } = rangeOf(request.headers.range);
        response.writeHead(206, { 'content-range': `bytes ${first}-${last}/*` });
        response.write(Buffer.alloc(10));
        setTimeout(() => response.destroy(), 10);
      },
    ],
    ['never answers', () => {}],
    [
      'sends without end',
      (request, response) => {
        const { first, last } = rangeOf(request.headers.range);
        response.writeHead(206, { 'content-range': `bytes ${first}-${last}/*` });
        const pour = () => {
          while (!response.destroyed && response.write(Buffer.alloc(65_536)));
        };
        response.on('drain', pour);
        pour();
      },
    ],
    [
      'redirects in circles',
      (request, response) => response.writeHead(302, { location: request.url! }).end(),
    ],
  ])('%s completes from another, and lets it alone', async (_, listener) => {
    const fleet = new TestFleet(artifact);
    opened.push(fleet);
    const bad = await seedThat(listener);
    const good = await seedThat(honest);
    const webSeeds = [bad.seed, good.seed];
    const machine = await fleet.add({ webSeeds, timeouts: { floorMs: 20 } });
    await machine.torrent.done;
    expect(artifact.payload.equals(await machine.content())).toBe(true);
    expect(bad.requests).toBeGreaterThan(0);
    expect(bad.requests).toBeLessThan(30);
    expect(machine.session.stats().memoryUsed).toBeLessThanOrEqual(4 * MIB);
  });
});
