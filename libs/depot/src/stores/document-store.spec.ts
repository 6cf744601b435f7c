import { expect, it } from 'vitest';
import { z } from 'zod';

import { MemoryDepot } from '../memory/memory-depot.js';
import { DocumentStore } from './document-store.js';
import { onEveryDepot } from './stores.fixture.js';

const Counter = z.looseObject({ v: z.number(), count: z.number().int() });
type Counter = z.infer<typeof Counter>;
const KEY = 'counters/a.json';

onEveryDepot('DocumentStore', (depot) => {
  const store = () => new DocumentStore<Counter>(depot(), Counter, 2);

  it('creates once, replaces by version, and keeps fields it does not know', async () => {
    const counters = store();
    expect(await counters.read(KEY)).toBeNull();
    expect(await counters.create(KEY, { v: 1, count: 1, added: 'by a newer build' })).toBe(true);
    expect(await counters.create(KEY, { v: 1, count: 2 })).toBe(false);
    const { value, version } = (await counters.read(KEY))!;
    expect(await counters.replace(KEY, { ...value, count: 5 }, version)).not.toBeNull();
    expect(await counters.replace(KEY, { ...value, count: 6 }, version)).toBeNull();
    const now = (await counters.read(KEY))!.value;
    expect(now).toEqual({ v: 1, count: 5, added: 'by a newer build' });
  });

  it('loses no update of many at once, nor the first creation', async () => {
    const counters = store();
    const increment = () =>
      counters.update(KEY, (current) => ({ v: 1, count: (current?.count ?? 0) + 1 }));
    await Promise.all(Array.from({ length: 8 }, increment));
    expect((await counters.read(KEY))!.value.count).toBe(8);
    expect(await counters.update(KEY, () => null)).toBeNull();
  });

  it('refuses what a newer build wrote, and what is damaged', async () => {
    const counters = store();
    const put = (key: string, text: string) => depot().createDocument(key, Buffer.from(text));
    await put('newer.json', '{"v":3,"shape":"unknown"}');
    await put('torn.json', '{"v":1,"cou');
    await put('wrong.json', '{"v":1,"count":"many"}');
    await expect(counters.read('newer.json')).rejects.toMatchObject({
      code: 'DEPOT_FORMAT_NEWER',
      facts: { key: 'newer.json', found: 3, known: 2 },
    });
    const corrupt = { code: 'DEPOT_CORRUPT' };
    await expect(counters.read('torn.json')).rejects.toMatchObject(corrupt);
    await expect(counters.read('wrong.json')).rejects.toMatchObject(corrupt);
  });
});

it('DocumentStore refuses a schema that would drop unknown fields', async () => {
  const depot = await MemoryDepot.open();
  const strict = z.object({ v: z.number() });
  expect(() => new DocumentStore(depot, strict, 1)).toThrow('looseObject');
});
