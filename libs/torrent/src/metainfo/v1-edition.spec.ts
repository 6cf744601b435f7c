import { describe, expect, it } from 'vitest';

import { encodeMetainfo } from './metainfo.encoder.js';
import { buildFromMemory, someBytes } from './metainfo.fixture.js';
import { parseMetainfo } from './metainfo.parser.js';
import type { MetainfoFormat } from './metainfo.types.js';
import { v1EditionOf } from './v1-edition.js';

const single = (format: MetainfoFormat) =>
  parseMetainfo(
    buildFromMemory({
      name: 'app.tar',
      single: true,
      files: [{ path: ['app.tar'], content: someBytes(100_000), executable: true }],
      format,
    }).metainfoBytes,
  );

describe('the v1 edition', () => {
  it('of a file is what a v1-only torrent of it is, byte for byte', () => {
    const edition = v1EditionOf(single('hybrid'))!;
    const v1 = single('v1');
    expect(edition.infoBytes).toEqual(v1.infoBytes);
    expect(edition.infoHash).toEqual(v1.infoHashV1);
    expect(edition.infoHash).not.toEqual(single('hybrid').infoHashV1);
  });

  it('of a tree keeps the pads, so that its pieces are those of the hybrid', () => {
    const files = [
      { path: ['a'], content: someBytes(20_000) },
      { path: ['b', 'c'], content: someBytes(5) },
    ];
    const built = buildFromMemory({ name: 'tree', files, format: 'hybrid' });
    const hybrid = parseMetainfo(built.metainfoBytes);
    const { infoBytes, infoHash } = v1EditionOf(hybrid)!;
    const parsed = parseMetainfo(encodeMetainfo({ infoBytes, pieceLayers: null }));
    expect(parsed.infoHashV1).toEqual(infoHash);
    expect(parsed.infoHashV2).toBeNull();
    expect(parsed.private).toBe(true);
    expect(parsed.v1).toEqual(hybrid.v1);
  });

  it('is only made of hybrids', () => {
    expect(v1EditionOf(single('v2'))).toBeNull();
    expect(v1EditionOf(single('v1'))).toBeNull();
  });
});
