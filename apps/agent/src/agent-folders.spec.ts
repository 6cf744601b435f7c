import { mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { AgentFolders } from './agent-folders.js';

describe('AgentFolders', () => {
  it('refuses one folder for two apps, also when it is named in two ways', async () => {
    const data = await mkdtemp(join(tmpdir(), 'folders-'));
    const folders = new AgentFolders(data);
    const web = { app: 'web', channel: 'stable', home: null };
    const api = { app: 'api', channel: 'stable', home: `${data}/apps/x/../web` };
    await expect(folders.make([web, api])).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('--app') as string,
    });
    expect(await readdir(data)).toEqual([]);
    await folders.make([web, { ...api, home: null }]);
    expect(await readdir(join(data, 'apps'))).toEqual(['api', 'web']);
  });
});
