import type { Readable } from 'node:stream';

import { afterAll, expect, it, vi } from 'vitest';

import { MemoryDepot } from '#lib/depot';
import { VirtualClock } from '#lib/runtime';
import { fileRoot, leafHashesOf } from '#lib/torrent';

import { UploadHashing } from '../uploads/upload-hashing.js';
import type { PlanObject, UploadPlan } from '../uploads/upload-record.js';
import { UploadStore } from '../uploads/upload-store.js';
import { DirectContent } from './direct-content.js';

const MIB = 1024 * 1024;
const ID = 'ab'.repeat(16);

const hashing = new UploadHashing(new VirtualClock());
afterAll(() => hashing.onModuleDestroy());

it('holds nothing of the store open when the parts of an object have been read', async () => {
  const bytes = Buffer.alloc(3 * MIB, 'direct');
  const root = fileRoot(leafHashesOf(bytes), bytes.length)!.toString('hex');
  const depot = await MemoryDepot.open();
  await depot.putObject('uploads/f0', [bytes]);
  const direct = { key: 'uploads/f0', handle: 'h', length: bytes.length, partLength: 2 * MIB };
  const planned: PlanObject = {
    object: 'f0',
    bytes: bytes.length,
    partBytes: direct.partLength,
    entries: [{ root, length: bytes.length }],
    source: { direct },
  };
  const request = { version: '1', name: 'a', single: true, format: 'v2' as const, files: [] };
  const known = { knownRoots: [], knownFrom: [] };
  const plan: UploadPlan = { v: 1, request, pieceLength: MIB, objects: [planned], ...known };
  const opened = vi.spyOn(depot, 'streamObject');
  const content = new DirectContent(new UploadStore(depot), hashing, depot);
  await content.verify(ID, plan, planned, direct, new AbortController().signal);
  const streams = opened.mock.settledResults.map(({ value }) => value as Readable);
  expect(streams.map(({ destroyed }) => destroyed)).toEqual([true, true]);
});
