import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

import express from 'express';
import { expect, it } from 'vitest';

import { clientAddressOf, type TrustProxy } from './client-address.js';

it.each<[proxies: string | false, forwarded: string | undefined]>([
  [false, undefined],
  [false, '192.0.2.1'],
  ['127.0.0.1', undefined],
  ['127.0.0.1', '192.0.2.1'],
  ['127.0.0.1', '192.0.2.1, 192.0.2.2'],
  ['loopback, 192.0.2.0/24', '198.51.100.7, 192.0.2.1,192.0.2.2'],
  ['loopback, 192.0.2.0/24', '192.0.2.1'],
])('with proxies %s, %s leads to the address that Express finds', async (proxies, forwarded) => {
  const app = express();
  app.set('trust proxy', proxies === false ? false : proxies.split(',').map((text) => text.trim()));
  app.get('/', (request, response) => {
    const trust = app.get('trust proxy fn') as TrustProxy;
    response.json([request.ip, clientAddressOf(request, trust)]);
  });
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const headers = forwarded === undefined ? undefined : { 'x-forwarded-for': forwarded };
  const answer = await fetch(`http://127.0.0.1:${port}/`, headers && { headers });
  const [express5, own] = (await answer.json()) as [string, string];
  expect(own).toBe(express5);
  server.closeAllConnections();
  server.close();
});
