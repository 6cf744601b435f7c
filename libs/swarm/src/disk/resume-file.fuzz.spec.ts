import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { silentLogger, VirtualClock } from '#lib/runtime';

import { Bitfield } from '../bitfield.js';
import { ResumeFile } from './resume-file.js';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fleetseed-resume-fuzz-'));
});
afterAll(() => rm(folder, { recursive: true }));

it('a damaged resume file claims nothing, and is no error', async () => {
  const path = join(folder, 'resume');
  const clock = new VirtualClock();
  const options = { path, infoHashV2: Buffer.alloc(32, 7), clock, logger: silentLogger };
  const saved = new Bitfield(1000);
  saved.setRange(100, 700);
  const resume = new ResumeFile(options);
  resume.changed(saved);
  await resume.close();
  const good = await readFile(path);
  const edits = fc.array(
    fc.record({ at: fc.nat(), cut: fc.nat(3), put: fc.uint8Array({ maxLength: 3 }) }),
    { minLength: 1, maxLength: 4 },
  );
  await fc.assert(
    fc.asyncProperty(edits, fc.integer({ min: 1, max: 2000 }), async (list, pieceCount) => {
      let bytes = good;
      for (const { at, cut, put } of list) {
        const from = at % (bytes.length + 1);
        bytes = Buffer.concat([bytes.subarray(0, from), put, bytes.subarray(from + cut)]);
      }
      await writeFile(path, bytes);
      const loaded = await new ResumeFile(options).load(pieceCount);
      expect(loaded.size).toBe(pieceCount);
      const intact = bytes.equals(good) && pieceCount > 992 && pieceCount <= 1000;
      expect(loaded.none || intact).toBe(true);
    }),
  );
});
