import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterEach, beforeEach, expect, it } from 'vitest';

import { S3Door } from './s3-door.js';
import { S3ForeignFolder } from './s3-foreign-folder.js';
import { listKeys } from './s3-listing.js';
import type { S3DepotOptions } from './s3-options.js';

let server: Server;
let options: S3DepotOptions;
/** What each page has behind its one key. */
let ends: string[];
beforeEach(async () => {
  ends = [];
  let page = 0;
  server = createServer((_, response) => {
    const object = `<Contents><Key>a/${page}</Key><Size>${page}</Size><ETag>"${page}"</ETag></Contents>`;
    const end = ends[Math.min(page++, ends.length - 1)];
    response.setHeader('content-type', 'application/xml');
    response.end(`<ListBucketResult>${object}${end}</ListBucketResult>`);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const credentials = { accessKeyId: 'a', secretAccessKey: 'b' };
  const patience = { timeoutMs: 500, totalMs: 0 };
  options = { endpoint, bucket: 'builds', pathStyle: true, credentials, patience };
});
afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

const more = (token: string) => `<IsTruncated>true</IsTruncated>${token}`;
const next = (token: string) => more(`<NextContinuationToken>${token}</NextContinuationToken>`);

async function listed() {
  const folder = new S3ForeignFolder(options, 'a/');
  try {
    return (await Array.fromAsync(folder.list(new AbortController().signal))).flat();
  } finally {
    folder.close();
  }
}

async function depotKeys() {
  const door = new S3Door(options);
  try {
    return (await listKeys(door, 'a/', {})).keys;
  } finally {
    door.destroy();
  }
}

it('lists what is below its prefix, page by page', async () => {
  ends = [next('one'), next('two'), '<IsTruncated>false</IsTruncated>'];
  expect(await listed()).toEqual([
    { key: 'a/0', length: 0, version: '"0"' },
    { key: 'a/1', length: 1, version: '"1"' },
    { key: 'a/2', length: 2, version: '"2"' },
  ]);
});

it.each([
  ['does not say how it goes on', [more('')]],
  ['goes on where it was', [next('one'), next('one')]],
])('takes no listing for whole that %s', async (_, pages) => {
  ends = pages;
  await expect(listed()).rejects.toMatchObject({ code: 'SOURCE_UNAVAILABLE' });
  await expect(depotKeys()).rejects.toMatchObject({ code: 'DEPOT_UNAVAILABLE' });
});
