import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { MAX_PACK_BYTES } from './layout.js';
import { PackIndex } from './pack-index.js';
import { fileOf } from './stores.fixture.js';

describe('PackIndex', () => {
  it('finds every file and its leaves, also after encoding', () => {
    const lengths = fc.array(fc.integer({ min: 1, max: 50_000 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(lengths, (all) => {
        const files = all.map(fileOf);
        const index = PackIndex.decode(PackIndex.of(files).encode());
        let offset = 0;
        for (const file of files) {
          expect(index.get(file.root)).toEqual({ offset, length: file.length });
          expect(index.leaves(file.root)?.equals(file.leaves)).toBe(true);
          offset += file.length;
        }
        expect(index.packLength).toBe(offset);
        expect([...index.roots()]).toEqual(files.map((file) => file.root));
        expect(index.id).toBe(PackIndex.of(files).id);
      }),
    );
  });

  it('refuses packs that cannot be, and leaves that do not fit', () => {
    const invalid = expect.objectContaining({ code: 'REQUEST_INVALID' });
    const file = fileOf(20_000);
    expect(() => PackIndex.of([])).toThrow(invalid);
    expect(() => PackIndex.of([{ ...file, length: 0 }])).toThrow(invalid);
    expect(() => PackIndex.of([{ ...file, length: MAX_PACK_BYTES + 1 }])).toThrow(invalid);
    expect(() => PackIndex.of([{ ...file, root: 'x' }])).toThrow(invalid);
    expect(() => PackIndex.of([file, file])).toThrow(invalid);
    expect(() => PackIndex.of([{ ...file, leaves: file.leaves.subarray(32) }])).toThrow(
      expect.objectContaining({ code: 'DEPOT_INTEGRITY' }),
    );
  });

  it('refuses a damaged or newer index', () => {
    const bytes = PackIndex.of([fileOf(100), fileOf(20_000)]).encode();
    const corrupt = expect.objectContaining({ code: 'DEPOT_CORRUPT' });
    for (let end = 0; end < bytes.length; end++) {
      expect(() => PackIndex.decode(bytes.subarray(0, end))).toThrow(corrupt);
    }
    const newer = Buffer.from(bytes);
    newer.writeUInt16BE(2, 4);
    expect(() => PackIndex.decode(newer)).toThrow(
      expect.objectContaining({ code: 'DEPOT_FORMAT_NEWER' }),
    );
    const crazy = Buffer.from(bytes);
    crazy.writeUInt32BE(0xffff_ffff, 8);
    expect(() => PackIndex.decode(crazy)).toThrow(corrupt);
  });
});
