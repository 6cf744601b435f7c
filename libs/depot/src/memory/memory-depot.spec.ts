import { describe, expect, it } from 'vitest';

import { depotConformance } from '../depot.conformance.fixture.js';
import { emptyContent, MemoryDepot } from './memory-depot.js';

depotConformance('memory', async () => {
  const depot = await MemoryDepot.open();
  return { depot, dispose: () => depot.close() };
});

describe('MemoryDepot', () => {
  it('keeps identity and first settings over a restart', async () => {
    const content = emptyContent();
    const first = await MemoryDepot.open({ content, settings: { packs: true } });
    await first.close();
    const second = await MemoryDepot.open({ content, settings: { packs: false } });
    expect(second.identity).toEqual(first.identity);
    expect(second.identity.settings).toEqual({ packs: true });
    await expect(first.readDocument('a')).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
  });

  it('refuses a depot of a newer format, and one whose depot.json is broken', async () => {
    const content = emptyContent();
    await MemoryDepot.open({ content });
    const newer = { ...JSON.parse(content.values.get('depot.json')!.toString()), v: 99 };
    content.values.set('depot.json', Buffer.from(JSON.stringify(newer)));
    await expect(MemoryDepot.open({ content })).rejects.toMatchObject({
      code: 'DEPOT_FORMAT_NEWER',
      facts: { found: 99, known: 1 },
    });
    content.values.set('depot.json', Buffer.from('{"v":1'));
    await expect(MemoryDepot.open({ content })).rejects.toMatchObject({ code: 'DEPOT_CORRUPT' });
  });
});
