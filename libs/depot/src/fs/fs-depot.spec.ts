import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { fstatSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { depotConformance } from '../depot.conformance.fixture.js';
import { FsDepot } from './fs-depot.js';

const DAY = 86_400_000;
const newFolder = () => mkdtemp(join(tmpdir(), 'fleetseed-depot-'));

depotConformance('fs', async () => {
  const root = await newFolder();
  const depot = await FsDepot.open({ root, reserveBytes: 0 });
  return {
    depot,
    dispose: async () => {
      await depot.close();
      await rm(root, { recursive: true });
    },
  };
});

describe('FsDepot', () => {
  let root: string;
  beforeEach(async () => {
    root = await newFolder();
  });
  afterEach(() => rm(root, { recursive: true, force: true }));
  const open = () => FsDepot.open({ root, reserveBytes: 0 });

  it('has after a restart what was acknowledged, and the same identity', async () => {
    const first = await FsDepot.open({ root, reserveBytes: 0, settings: { a: 1 } });
    await first.createDocument('apps/x/1.json', Buffer.from('doc'));
    await first.putObject('blobs/x', [Buffer.from('object')]);
    const parted = await first.beginParts('blobs/y', 6, 6);
    await first.putPart(parted, 0, [Buffer.from('parted')]);
    await first.close();
    const second = await FsDepot.open({ root, reserveBytes: 0, settings: { a: 2 } });
    expect(second.identity).toEqual(first.identity);
    expect((await second.list('')).keys).toEqual(['apps/x/1.json', 'blobs/x', 'depot.json']);
    await second.commitParts(parted);
    expect((await second.readObject('blobs/y')).toString()).toBe('parted');
    await second.close();
  });

  it('refuses a newer format, touches nothing in it, and leaves it unlocked', async () => {
    await (await open()).close();
    const newer = { v: 2, id: 'x', created: '', settings: {} };
    await writeFile(join(root, 'depot.json'), JSON.stringify(newer));
    await writeFile(join(root, '.tmp', '0'), 'theirs');
    for (const _ of [1, 2]) {
      await expect(open()).rejects.toMatchObject({ code: 'DEPOT_FORMAT_NEWER' });
    }
    expect(await readdir(join(root, '.tmp'))).toEqual(['0']);
    expect(await readdir(join(root, '.lock'))).toEqual([]);
  });

  it('opens after its very first write was cut short', async () => {
    await mkdir(join(root, '.tmp'), { recursive: true });
    await writeFile(join(root, '.tmp', '0'), 'half of an identity');
    const depot = await open();
    expect(await readdir(join(root, '.tmp'))).toEqual([]);
    await depot.close();
  });

  it('removes at start what an interrupted write left, and keeps parts that go on', async () => {
    const first = await open();
    const abandoned = await first.beginParts('a', 10, 10);
    const going = await first.beginParts('b', 10, 10);
    await first.close();
    await writeFile(join(root, '.tmp', '17'), 'half of something');
    await mkdir(join(root, '.parts', 'committed-when-it-crashed'));
    const old = new Date(Date.now() - 15 * DAY);
    await utimes(join(root, '.parts', abandoned.handle), old, old);
    const second = await open();
    expect(await readdir(join(root, '.tmp'))).toEqual([]);
    expect(await readdir(join(root, '.parts'))).toEqual([going.handle]);
    expect(await second.listParts(going)).toEqual([]);
    await expect(second.listParts(abandoned)).rejects.toMatchObject({ code: 'UPLOAD_NOT_FOUND' });
    await second.close();
  });

  it('leaves no temporary file behind a failed put, and no folder behind the last key', async () => {
    const depot = await open();
    async function* failing() {
      yield randomBytes(3_000_000);
      throw new Error('gone');
    }
    await expect(depot.putObject('deep/er/x', failing())).rejects.toThrow('gone');
    await depot.createDocument('deep/er/y', Buffer.from('y'));
    await depot.delete('deep/er/y');
    expect(await readdir(join(root, '.tmp'))).toEqual([]);
    expect((await readdir(root)).sort()).toEqual(['.lock', '.tmp', 'depot.json']);
    await depot.close();
  });

  it('keeps a file open until all who write to it are done, and says what they failed with', async () => {
    const depot = await open();
    const late = Promise.withResolvers<void>();
    const descriptors: number[] = [];
    const writeAt = async (_: Uint8Array, descriptor: number, position: number) => {
      descriptors.push(descriptor);
      if (position > 0) throw Object.assign(new Error('no room'), { code: 'ENOSPC' });
      await late.promise;
    };
    const chunks = [Buffer.from('first'), Buffer.from('second'), Buffer.from('third')];
    const put = depot.putObject('blobs/given', chunks, { writeAt });
    const ended = put.catch(() => 'ended');
    await vi.waitFor(() => expect(descriptors).toHaveLength(2));
    const goesOn = new Promise(setImmediate).then(() => 'goes on');
    expect(await Promise.race([ended, goesOn])).toBe('goes on');
    expect(fstatSync(descriptors[0]!).isFile()).toBe(true);
    late.resolve();
    await expect(put).rejects.toMatchObject({ code: 'DEPOT_FULL' });
    expect(() => fstatSync(descriptors[0]!)).toThrow('EBADF');
    expect(await readdir(join(root, '.tmp'))).toEqual([]);
    await depot.close();
  });

  it('says what a write failed with also when its giver gives up on that', async () => {
    const depot = await open();
    const full = Object.assign(new Error('no room'), { code: 'ENOSPC' });
    const failed = Promise.withResolvers<void>();
    async function* chunks() {
      yield Buffer.from('the only one');
      await failed.promise;
      throw full;
    }
    const writeAt = async () => {
      failed.resolve();
      throw full;
    };
    const put = depot.putObject('blobs/given', chunks(), { length: 12, writeAt });
    await expect(put).rejects.toMatchObject({ code: 'DEPOT_FULL' });
    await depot.close();
  });

  it('ends running writes when it closes, although their sender is silent', async () => {
    const depot = await open();
    const started = Promise.withResolvers<void>();
    async function* stalled() {
      yield randomBytes(100);
      started.resolve();
      await new Promise(() => {});
    }
    const put = depot.putObject('x', stalled());
    const outcome = put.catch((error: unknown) => error);
    await started.promise;
    await depot.close();
    expect(await outcome).toMatchObject({ code: 'SHUTTING_DOWN' });
    expect(await readdir(join(root, '.tmp'))).toEqual([]);
    await expect(depot.readDocument('x')).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
  });

  it('keeps an open reader readable when its key is deleted', async () => {
    const depot = await open();
    await depot.putObject('x', [Buffer.from('content')]);
    const reader = await depot.openForRead('x');
    await depot.delete('x');
    const buffer = Buffer.alloc(7);
    await reader.read(buffer, 0, 7, 0);
    expect(buffer.toString()).toBe('content');
    await reader.close();
    await depot.close();
  });

  it('does not believe a handle that leads elsewhere', async () => {
    const depot = await open();
    const forged = { key: 'x', handle: '../../etc', length: 1, partLength: 1 };
    await expect(depot.listParts(forged)).rejects.toMatchObject({ code: 'UPLOAD_NOT_FOUND' });
    await expect(depot.abortParts(forged)).rejects.toMatchObject({ code: 'UPLOAD_NOT_FOUND' });
    await depot.close();
  });

  describe('on a disk that is full', () => {
    beforeEach(() => {
      try {
        execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', root], { stdio: 'pipe' });
      } catch (cause) {
        throw new Error('This test mounts a small tmpfs: run it as root with CAP_SYS_ADMIN.', {
          cause,
        });
      }
    });
    afterEach(() => {
      execFileSync('umount', ['-l', root]);
    });

    it('says DEPOT_FULL, shows nothing, leaves nothing, and goes on reading', async () => {
      const depot = await open();
      await depot.putObject('there', [Buffer.from('readable')]);
      async function* tooMuch() {
        for (;;) yield randomBytes(300_000);
      }
      const full = { code: 'DEPOT_FULL' };
      await expect(depot.putObject('big', tooMuch())).rejects.toMatchObject(full);
      const announced = depot.putObject('big', tooMuch(), { length: 4_000_000 });
      await expect(announced).rejects.toMatchObject(full);
      await expect(depot.beginParts('big', 4_000_000, 4_000_000)).rejects.toMatchObject(full);
      expect(await readdir(join(root, '.tmp'))).toEqual([]);
      expect((await depot.list('')).keys).toEqual(['depot.json', 'there']);
      expect((await depot.readObject('there')).toString()).toBe('readable');
      await depot.putObject('small', [randomBytes(100_000)]);
      await depot.close();
    });

    it('maps ENOSPC of documents, and takes the next that fits', async () => {
      const depot = await open();
      const create = depot.createDocument('document', randomBytes(3_000_000));
      await expect(create).rejects.toMatchObject({ code: 'DEPOT_FULL' });
      expect(await depot.readDocument('document')).toBeNull();
      expect(await readdir(join(root, '.tmp'))).toEqual([]);
      expect(await depot.createDocument('document', randomBytes(1000))).toBe(true);
      await depot.close();
    });

    it('refuses objects before they use the reserve of documents', async () => {
      const depot = await FsDepot.open({ root, reserveBytes: 1_500_000 });
      const put = () => depot.putObject('object', [randomBytes(700_000)], { length: 700_000 });
      await expect(put()).rejects.toMatchObject({
        code: 'DEPOT_FULL',
        facts: { reserve: 1_500_000, wanted: 700_000 },
      });
      expect(await depot.createDocument('document', randomBytes(700_000))).toBe(true);
      await depot.close();
    });

    it('does not promise the same room twice', async () => {
      const depot = await open();
      async function* slowly(length: number) {
        for (let left = length; left > 0; left -= 100_000) {
          yield randomBytes(Math.min(left, 100_000));
          await new Promise(setImmediate);
        }
      }
      const puts = Array.from({ length: 4 }, (_, index) =>
        depot.putObject(`object-${index}`, slowly(900_000), { length: 900_000 }),
      );
      const outcomes = await Promise.allSettled(puts);
      const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
      expect(refused.map(({ reason }) => reason.code)).toEqual(['DEPOT_FULL', 'DEPOT_FULL']);
      await depot.close();
    });
  });

  describe('used by two', () => {
    it('names the process that has it', async () => {
      const depot = await open();
      await expect(open()).rejects.toMatchObject({
        code: 'DEPOT_LOCKED',
        facts: { pid: process.pid },
      });
      await depot.close();
      await (await open()).close();
    });

    it('gives it to exactly one of ten that start at once', async () => {
      const outcomes = await Promise.allSettled(Array.from({ length: 10 }, open));
      const opened = outcomes.filter((outcome) => outcome.status === 'fulfilled');
      const codes = outcomes.map((o) => (o.status === 'rejected' ? o.reason.code : 'open'));
      expect(codes.filter((code) => code === 'DEPOT_LOCKED')).toHaveLength(9);
      expect(opened).toHaveLength(1);
      await opened[0]!.value.close();
    });

    it('takes over from a process that was killed, and not from one that is stopped', async () => {
      await mkdir(join(root, '.lock'));
      const source = `
        const path = require('node:path').join(process.argv[1], process.pid + '-0123456789abcdef');
        require('node:net').createServer((s) => s.end('held')).listen(path, () => console.log('up'));`;
      const holder = spawn(process.execPath, ['-e', source, join(root, '.lock')]);
      const ended = once(holder, 'exit');
      await once(holder.stdout, 'data');
      const locked = { code: 'DEPOT_LOCKED', facts: { pid: holder.pid } };
      await expect(open()).rejects.toMatchObject(locked);
      holder.kill('SIGSTOP');
      await expect(open()).rejects.toMatchObject(locked);
      holder.kill('SIGKILL');
      await ended;
      const depot = await open();
      expect(await readdir(join(root, '.lock'))).toHaveLength(1);
      await depot.close();
    });

    it('locks a folder whose path is longer than a socket name may be', async () => {
      const deep = join(root, ...Array.from({ length: 6 }, () => 'a'.repeat(40)));
      const depot = await FsDepot.open({ root: deep });
      await expect(FsDepot.open({ root: deep })).rejects.toMatchObject({ code: 'DEPOT_LOCKED' });
      await depot.close();
      expect(await readdir(join(deep, '.lock'))).toEqual([]);
    });
  });
});
