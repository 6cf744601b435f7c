import { afterAll, expect, it } from 'vitest';

import { TestHashing } from './body-hasher.fixture.js';

const MIB = 1024 * 1024;
const CUT = {
  stretches: [2 * MIB],
  nodeSpan: MIB,
  wholeFiles: true,
  digest: false,
  pieceLengthV1: 0,
};

const hashing = new TestHashing();
afterAll(() => hashing.close());

it('keeps no common memory when bytes still come for a body that was given up', async () => {
  const hasher = hashing.open(CUT);
  const filled = Promise.withResolvers<number>();
  const chunks = hasher.through({ fill: () => filled.promise });
  const first = chunks.next();
  // As a depot does whose call was aborted: it waits for nobody.
  const ended = chunks.return(undefined);
  hasher.close();
  expect(hashing.buffers.used).toBe(MIB);
  filled.resolve(MIB);
  await Promise.all([first, ended]);
  expect(hashing.buffers.used).toBe(0);
});
