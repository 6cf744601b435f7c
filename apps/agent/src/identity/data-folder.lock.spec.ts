import { mkdtemp, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { lockDataFolder } from './data-folder.lock.js';

describe('lockDataFolder', () => {
  it('refuses a second agent by naming the folder, and lets one in after release', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'lock-'));
    const facts = await stat(folder, { bigint: true });
    const lock = await lockDataFolder(folder, facts);
    await expect(lockDataFolder(folder, facts)).rejects.toMatchObject({
      code: 'DATA_FOLDER_IN_USE',
      message: expect.stringContaining(folder) as string,
    });
    await lock.release();
    await (await lockDataFolder(folder, facts)).release();
  });
});
