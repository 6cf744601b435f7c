import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { TestOrigin } from '../origin.fixture.js';

let origin: TestOrigin;
beforeEach(async () => void (origin = await TestOrigin.start()));
afterEach(() => origin.stop());

describe('what a repair fetches', () => {
  it('does not stay on the disk when its process is killed and nobody repairs that any more', async () => {
    const folder = join(origin.folder, 'repair');
    await origin.restart(async () => {
      const content = join(folder, 'ab'.repeat(32), 'content');
      await mkdir(content, { recursive: true });
      await writeFile(join(content, 'half'), 'half');
    });
    expect(existsSync(folder)).toBe(false);
  });
});
