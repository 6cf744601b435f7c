import { randomBytes } from 'node:crypto';

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { bytesOf, coded } from './conformance-context.fixture.js';
import { compareKeys } from './depot-key.js';
import type { Depot } from './depot.js';
import { allKeys } from './key-pages.js';
import { objectConformance } from './object-conformance.fixture.js';
import { partsConformance } from './parts-conformance.fixture.js';

function everyKey(depot: Depot, prefix: string, limit: number): Promise<string[]> {
  return Array.fromAsync(allKeys(depot, prefix, { limit }));
}

/** What every depot must do. `make` gives a new, empty one, and `dispose` takes it away. */
export function depotConformance(
  name: string,
  make: () => Promise<{ depot: Depot; dispose: () => Promise<void> }>,
): void {
  describe(`${name}: the depot contract`, () => {
    let depot: Depot;
    let dispose: () => Promise<void>;
    let counter = 0;
    const fresh = (what: string) => `test/${what}-${counter++}`;

    beforeAll(async () => {
      ({ depot, dispose } = await make());
    });
    afterAll(async () => dispose());

    describe('documents', () => {
      it('gives the key to exactly one of twenty racers, and keeps what that one wrote', async () => {
        const key = fresh('race');
        const won = await Promise.all(
          Array.from({ length: 20 }, (_, racer) => depot.createDocument(key, bytesOf(`${racer}`))),
        );
        expect(won.filter(Boolean)).toHaveLength(1);
        const stored = await depot.readDocument(key);
        expect(stored?.bytes.toString()).toBe(String(won.indexOf(true)));
      });

      it('replaces only the version it was shown, with one winner of twenty', async () => {
        const key = fresh('cas');
        await depot.createDocument(key, bytesOf('first'));
        const { version } = (await depot.readDocument(key))!;
        const versions = await Promise.all(
          Array.from({ length: 20 }, (_, racer) =>
            depot.replaceDocument(key, bytesOf(`racer ${racer}`), version),
          ),
        );
        const winners = versions.filter((given) => given !== null);
        expect(winners).toHaveLength(1);
        const now = (await depot.readDocument(key))!;
        expect(now.version).toBe(winners[0]);
        expect(now.bytes.toString()).toBe(`racer ${versions.indexOf(winners[0]!)}`);
      });

      it('counts to twenty when twenty writers retry on conflict', async () => {
        const key = fresh('counter');
        await depot.createDocument(key, bytesOf('0'));
        const increment = async (): Promise<void> => {
          const { bytes, version } = (await depot.readDocument(key))!;
          const next = bytesOf(String(Number(bytes.toString()) + 1));
          if ((await depot.replaceDocument(key, next, version)) === null) await increment();
        };
        await Promise.all(Array.from({ length: 20 }, increment));
        expect((await depot.readDocument(key))?.bytes.toString()).toBe('20');
      });

      it('reports what is absent as null, and replaces nothing that is gone', async () => {
        const key = fresh('absent');
        expect(await depot.readDocument(key)).toBeNull();
        await depot.createDocument(key, bytesOf('x'));
        const { version } = (await depot.readDocument(key))!;
        await depot.delete(key);
        await depot.delete(key);
        expect(await depot.replaceDocument(key, bytesOf('y'), version)).toBeNull();
        expect(await depot.readDocument(key)).toBeNull();
      });

      it('keeps empty and binary documents as they are', async () => {
        const binary = randomBytes(70_000);
        const [empty, full] = [fresh('empty'), fresh('binary')];
        await depot.createDocument(empty, Buffer.alloc(0));
        await depot.createDocument(full, binary);
        expect((await depot.readDocument(empty))?.bytes).toEqual(Buffer.alloc(0));
        expect((await depot.readDocument(full))?.bytes).toEqual(binary);
      });

      it('refuses documents that are too long', async () => {
        const key = fresh('long');
        const long = Buffer.alloc(64 * 1024 * 1024 + 1);
        const tooLarge = coded('PAYLOAD_TOO_LARGE');
        await expect(depot.createDocument(key, long)).rejects.toEqual(tooLarge);
        await expect(depot.replaceDocument(key, long, 'v')).rejects.toEqual(tooLarge);
        expect(await depot.readDocument(key)).toBeNull();
      });

      it('does not believe a version that it never gave', async () => {
        const key = fresh('forged');
        await depot.createDocument(key, bytesOf('x'));
        for (const version of ['', '*', '"', 'x/y/z', 'nonsense']) {
          expect(await depot.replaceDocument(key, bytesOf('y'), version)).toBeNull();
        }
        expect((await depot.readDocument(key))?.bytes.toString()).toBe('x');
      });

      it('survives creating and deleting side by side in one folder', async () => {
        const folder = fresh('churn');
        await Promise.all(
          Array.from({ length: 30 }, async (_, index) => {
            const key = `${folder}/${index % 3}/doc-${index}`;
            expect(await depot.createDocument(key, bytesOf('x'))).toBe(true);
            if (index % 2 === 0) await depot.delete(key);
          }),
        );
        expect(await everyKey(depot, `${folder}/`, 4)).toHaveLength(15);
      });
    });

    describe('keys', () => {
      const refused = [
        '',
        '/',
        'a//b',
        '/a',
        'a/',
        '..',
        'a/../b',
        './a',
        'a/.hidden',
        'a\\b',
        'a b',
        'a\0b',
        'naïve',
        'a/ключ',
        '\u{1F4A9}',
        'a%2fb',
        'x'.repeat(201),
        Array.from({ length: 300 }, () => 'abc').join('/'),
      ];
      it.each(refused)('refuses %j for every operation', async (key) => {
        const bytes = bytesOf('x');
        const invalid = coded('DEPOT_KEY_INVALID');
        await expect(depot.readDocument(key)).rejects.toEqual(invalid);
        await expect(depot.createDocument(key, bytes)).rejects.toEqual(invalid);
        await expect(depot.replaceDocument(key, bytes, 'v')).rejects.toEqual(invalid);
        await expect(depot.delete(key)).rejects.toEqual(invalid);
        await expect(depot.putObject(key, [bytes])).rejects.toEqual(invalid);
        await expect(depot.readObject(key)).rejects.toEqual(invalid);
        await expect(depot.statObject(key)).rejects.toEqual(invalid);
        await expect(depot.openForRead(key)).rejects.toEqual(invalid);
        await expect(depot.moveObject('test/any', key)).rejects.toEqual(invalid);
        await expect(depot.beginParts(key, 1, 1)).rejects.toEqual(invalid);
      });

      it.each(['..', '../', 'a/../', '/', 'é'])('refuses to list %j', async (prefix) => {
        await expect(depot.list(prefix)).rejects.toEqual(coded('DEPOT_KEY_INVALID'));
      });

      it('takes versions as people write them', async () => {
        const key = `${fresh('version')}/1.2.3-rc.1+build.5~dirty_x.json`;
        expect(await depot.createDocument(key, bytesOf('x'))).toBe(true);
        expect((await depot.list(key)).keys).toEqual([key]);
      });
    });

    describe('listings', () => {
      it('lists every key once and in bytewise order, whatever the page', async () => {
        const segment = fc.stringMatching(/^[a-c_][ab.+-]{0,3}$/);
        const path = fc.array(segment, { minLength: 1, maxLength: 3 });
        await fc.assert(
          fc.asyncProperty(
            fc.uniqueArray(path, { maxLength: 14, selector: (parts) => parts.join('/') }),
            fc.integer({ min: 1, max: 5 }),
            async (paths, limit) => {
              const folder = `${fresh('list')}/`;
              // Leaves and folders never share a name here: the keyspace is a tree.
              const keys = paths.map((parts) => `${folder}${parts.join('.d/')}.f`);
              await Promise.all(keys.map((key) => depot.createDocument(key, bytesOf('x'))));
              expect(await everyKey(depot, folder, limit)).toEqual([...keys].sort(compareKeys));
              const some = `${folder}a`;
              const expected = keys.filter((key) => key.startsWith(some)).sort(compareKeys);
              expect(await everyKey(depot, some, limit)).toEqual(expected);
            },
          ),
          { numRuns: 25 },
        );
      });

      it('shows folders once, and only those with something in them', async () => {
        const base = fresh('folders');
        for (const key of ['b/one', 'b/two/three', 'a', 'a-b/x', 'gone/x']) {
          await depot.createDocument(`${base}/${key}`, bytesOf('x'));
        }
        await depot.delete(`${base}/gone/x`);
        const { keys, next } = await depot.list(`${base}/`, { folders: true });
        expect(keys).toEqual([`${base}/a`, `${base}/a-b/`, `${base}/b/`]);
        expect(next).toBeNull();
        const rest = await depot.list(`${base}/`, { folders: true, after: `${base}/a-b/` });
        expect(rest.keys).toEqual([`${base}/b/`]);
      });

      it('finds the first key with a limit of one, and goes on from a key that is not there', async () => {
        const base = fresh('first');
        for (const key of ['b', 'd', 'f'])
          await depot.createDocument(`${base}/${key}`, bytesOf('x'));
        const first = await depot.list(`${base}/`, { limit: 1 });
        expect(first).toEqual({ keys: [`${base}/b`], next: `${base}/b` });
        const later = await depot.list(`${base}/`, { after: `${base}/c` });
        expect(later).toEqual({ keys: [`${base}/d`, `${base}/f`], next: null });
        expect(await depot.list(`${base}/none/`)).toEqual({ keys: [], next: null });
      });
    });

    objectConformance({ depot: () => depot, fresh });
    partsConformance({ depot: () => depot, fresh });

    it('ends what is being written when it closes, and answers nothing more', async () => {
      const closing = await make();
      const started = Promise.withResolvers<void>();
      async function* stalled() {
        yield randomBytes(100);
        started.resolve();
        await new Promise(() => {});
      }
      const put = closing.depot.putObject('test/x', stalled());
      const outcome = put.catch((error: unknown) => error);
      await started.promise;
      await closing.depot.close();
      const down = coded('SHUTTING_DOWN');
      expect(await outcome).toEqual(down);
      await expect(closing.depot.readDocument('test/x')).rejects.toEqual(down);
      await expect(closing.depot.createDocument('test/x', bytesOf('x'))).rejects.toEqual(down);
      await expect(closing.depot.list('')).rejects.toEqual(down);
      await expect(closing.depot.beginParts('test/x', 1, 1)).rejects.toEqual(down);
      await closing.dispose();
    });

    it('has an identity that is kept in depot.json', async () => {
      const stored = (await depot.readDocument('depot.json'))!;
      expect(JSON.parse(stored.bytes.toString())).toEqual(depot.identity);
    });
  });
}
