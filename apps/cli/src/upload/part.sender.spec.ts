import { expect, it } from 'vitest';

import { FleetseedError, type HttpClient } from '#lib/contracts';

import { sendParts } from './part.sender.js';

it('a file that cannot be read here ends the upload at once', async () => {
  const failure = new FleetseedError('DISK_IO', 'cannot be read');
  let reads = 0;
  const sent = sendParts(
    [{ object: 'o', part: 0, length: 1, partBytes: null, direct: false, segments: [] }],
    {
      upload: 'u',
      open: (): HttpClient => {
        throw new Error('Nothing is to be sent.');
      },
      parallel: 1,
      read: async () => {
        reads++;
        throw failure;
      },
      rootOf: () => null,
      onSent: () => {},
      onRetry: () => {},
      signal: new AbortController().signal,
    },
  );
  await expect(sent).rejects.toBe(failure);
  expect(reads).toBe(1);
});
