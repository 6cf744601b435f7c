import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { beforeEach, describe, expect, it } from 'vitest';

import { StageLedger } from './stage-ledger.js';

const record = {
  at: 1,
  artifact: 'a'.repeat(64),
  app: 'web',
  version: '1',
  completed: true,
  delivered: 10,
  fromOrigin: 4,
  fromPeers: 6,
  reused: 0,
  wasted: 0,
  seconds: 1,
};

let file: string;
beforeEach(async () => {
  file = join(await mkdtemp(join(tmpdir(), 'ledger-')), 'ledger.json');
});

describe('StageLedger', () => {
  it('numbers records without a gap across restarts and forgets the acknowledged', async () => {
    const first = await StageLedger.open(file);
    await first.add(record);
    await first.add(record);
    const second = await StageLedger.open(file);
    await second.add(record);
    expect(second.pending.map((each) => each.sequence)).toEqual([1, 2, 3]);
    await second.acknowledge(2);
    expect((await StageLedger.open(file)).pending.map((each) => each.sequence)).toEqual([3]);
  });

  it('begins a new session when the account cannot be read', async () => {
    const first = await StageLedger.open(file);
    await first.add(record);
    await writeFile(file, 'torn');
    const second = await StageLedger.open(file);
    await second.add(record);
    expect(second.pending[0]?.session).not.toBe(first.pending[0]?.session);
  });

  it('loses nothing of what changes side by side', async () => {
    const ledger = await StageLedger.open(file);
    await ledger.add(record);
    await Promise.all([ledger.add(record), ledger.acknowledge(1), ledger.add(record)]);
    const pending = (await StageLedger.open(file)).pending;
    expect(pending.map((each) => each.sequence)).toEqual([2, 3]);
  });

  it('sends also what could not be written', async () => {
    const ledger = await StageLedger.open(join(file, 'not a folder'));
    await expect(ledger.add(record)).rejects.toMatchObject({ code: 'ENOENT' });
    expect(ledger.pending).toHaveLength(1);
  });
});
