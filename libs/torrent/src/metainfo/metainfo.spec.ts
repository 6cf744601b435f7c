import { createHash } from 'node:crypto';

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { bdecode } from '../bencode/bencode.decoder.js';
import { bencode } from '../bencode/bencode.encoder.js';
import type { BencodeDict, BencodeInput } from '../bencode/bencode.types.js';
import { fileRoot, pieceLayerOf } from '../merkle/file-tree-hashes.js';
import { leafHashesOf } from '../merkle/leaf.hasher.js';
import { PieceHasherV1 } from '../merkle/piece-v1.hasher.js';
import { buildMetainfo } from './metainfo.builder.js';
import { encodeMetainfo, withAnnounce } from './metainfo.encoder.js';
import { buildFromMemory, someBytes } from './metainfo.fixture.js';
import { parseInfo, parseMetainfo, withPieceLayers } from './metainfo.parser.js';
import type { MetainfoFormat } from './metainfo.types.js';

const KIB = 1024;
const FORMATS: MetainfoFormat[] = ['v1', 'v2', 'hybrid'];

const tree = [
  { path: ['bin', 'app'], content: someBytes(40_000), executable: true },
  { path: ['bin', 'empty'] },
  { path: ['current'], symlink: ['bin', 'app'] },
  { path: ['bin.txt'], content: someBytes(5) },
  { path: ['über', 'ño'], content: someBytes(16_384, 3) },
];

describe('known info-hashes', () => {
  const zeros = Buffer.alloc(1024 * KIB);
  const test1MB = {
    name: 'test1MB',
    single: true,
    private: false,
    files: [{ path: ['test1MB'], length: zeros.length, leafHashes: leafHashesOf(zeros) }],
  };

  it('of a hybrid of 1 MiB of zeros', () => {
    const hasher = new PieceHasherV1(64 * KIB);
    hasher.update(zeros);
    const built = buildMetainfo({
      ...test1MB,
      format: 'hybrid',
      pieceLength: 64 * KIB,
      piecesV1: hasher.finish(),
    });
    expect(built.infoHashV1!.toString('hex')).toBe('6c68c1bcc24c65b6fef4724d8234b67e0e9ac6a4');
    expect(built.infoHashV2!.toString('hex')).toBe(
      '108ac2c3718ce722e6896edc56c4afa98f1d711ecaace7aad74fca418ebd03de',
    );
  });

  it('of a v2-only torrent of 1 MiB of zeros', () => {
    const built = buildMetainfo({ ...test1MB, format: 'v2', pieceLength: 64 * KIB });
    expect(built.infoHashV2!.toString('hex')).toBe(
      '95e04d0c4bad94ab206efa884666fd89777dbe4f7bd9945af1829037a85c6192',
    );
  });
});

describe('metainfo', () => {
  it.each(FORMATS)('%s of a tree is parsed to what was built', (format) => {
    const built = buildFromMemory({ name: 'app', files: tree, format });
    const parsed = parseMetainfo(built.metainfoBytes);
    expect(parsed).toMatchObject({
      name: 'app',
      pieceLength: 16_384,
      private: true,
      single: false,
      length: 40_000 + 5 + 16_384,
      infoHashV1: built.infoHashV1,
      infoHashV2: built.infoHashV2,
      infoBytes: built.infoBytes,
      announce: [],
      webSeeds: [],
    });
    expect(parsed.files.map((file) => [file.path.join('/'), file.length, file.executable])).toEqual(
      [
        ['bin/app', 40_000, true],
        ['bin/empty', 0, false],
        ['bin.txt', 5, false],
        ['current', 0, false],
        ['über/ño', 16_384, false],
      ],
    );
    expect(parsed.files[3]!.symlink).toEqual(['bin', 'app']);
    expect(parsed.files[0]!.symlink).toBeNull();
  });

  it('of v1 alone has contiguous pieces and no roots', () => {
    const { files, pieceCount, v1 } = parseMetainfo(
      buildFromMemory({ name: 'app', files: tree, format: 'v1' }).metainfoBytes,
    );
    expect(files.map((file) => [file.firstPiece, file.pieceCount, file.root])).toEqual([
      [0, 3, null],
      [2, 0, null],
      [2, 1, null],
      [2, 0, null],
      [2, 2, null],
    ]);
    expect(pieceCount).toBe(4);
    expect(v1!.length).toBe(56_389);
  });

  it('of a hybrid lists pads in its v1 view only', () => {
    const { files, pieceCount, v1 } = parseMetainfo(
      buildFromMemory({ name: 'app', files: tree, format: 'hybrid' }).metainfoBytes,
    );
    expect(files.map((file) => [file.firstPiece, file.pieceCount])).toEqual([
      [0, 3],
      [3, 0],
      [3, 1],
      [4, 0],
      [4, 1],
    ]);
    expect(v1!.files).toEqual([
      { file: 0, offset: 0, length: 40_000 },
      { file: null, offset: 40_000, length: 9152 },
      { file: 1, offset: 49_152, length: 0 },
      { file: 2, offset: 49_152, length: 5 },
      { file: null, offset: 49_157, length: 16_379 },
      { file: 3, offset: 65_536, length: 0 },
      { file: 4, offset: 65_536, length: 16_384 },
    ]);
    expect(v1!.length).toBe(pieceCount * 16_384);
  });

  it('does not depend on the order in which files are given', () => {
    for (const format of FORMATS) {
      const one = buildFromMemory({ name: 'app', files: tree, format });
      const other = buildFromMemory({ name: 'app', files: tree.toReversed(), format });
      expect(other.metainfoBytes).toEqual(one.metainfoBytes);
    }
  });

  it('is the same from leaves and from roots with piece layers', () => {
    const content = someBytes(100_000);
    const leafHashes = leafHashesOf(content);
    const options = { name: 'a', single: true, format: 'v2', pieceLength: 32_768 } as const;
    const file = { path: ['a'], length: content.length };
    const root = fileRoot(leafHashes, content.length);
    const pieceLayer = pieceLayerOf(leafHashes, 32_768);
    expect(buildMetainfo({ ...options, files: [{ ...file, root, pieceLayer }] })).toEqual(
      buildMetainfo({ ...options, files: [{ ...file, leafHashes }] }),
    );
    expect(() =>
      buildMetainfo({
        ...options,
        files: [{ ...file, root, pieceLayer: pieceLayer.subarray(32) }],
      }),
    ).toThrow(expect.objectContaining({ code: 'METAINFO_PIECE_LAYERS_INVALID' }));
    expect(() => buildMetainfo({ ...options, files: [file] })).toThrow(
      expect.objectContaining({ code: 'METAINFO_ROOT_INVALID' }),
    );
  });

  it('may hold symlinks to its root and to nothing', () => {
    const files = [
      { path: ['a'], content: someBytes(1) },
      { path: ['d', 'root'], symlink: [] },
      { path: ['gone'], symlink: ['not', 'there'] },
    ];
    for (const format of FORMATS) {
      const parsed = parseMetainfo(buildFromMemory({ name: 't', files, format }).metainfoBytes);
      expect(parsed.files.map((file) => file.symlink)).toEqual([null, [], ['not', 'there']]);
    }
  });

  it('shares one piece layer among identical files', () => {
    const content = someBytes(40_000);
    const files = ['a', 'b'].map((name) => ({ path: [name], content }));
    const parsed = parseMetainfo(buildFromMemory({ name: 't', files, format: 'v2' }).metainfoBytes);
    expect(parsed.pieceLayers.size).toBe(1);
    expect(parsed.pieceCount).toBe(6);
  });

  it.each(FORMATS)('%s keeps one file apart from a folder with one file', (format) => {
    for (const executable of [false, true]) {
      const files = [{ path: ['app'], content: someBytes(9), executable }];
      const single = buildFromMemory({ name: 'app', files, single: true, format });
      const folder = buildFromMemory({ name: 'app', files, single: false, format });
      expect(parseMetainfo(single.metainfoBytes).single).toBe(true);
      expect(parseMetainfo(folder.metainfoBytes).single).toBe(false);
      expect(parseMetainfo(single.metainfoBytes).files[0]!.executable).toBe(executable);
      expect(parseMetainfo(folder.metainfoBytes).files[0]!.executable).toBe(executable);
      expect(single.infoBytes).not.toEqual(folder.infoBytes);
    }
  });

  it.each(FORMATS)('%s may be of an artifact without bytes', (format) => {
    const files = [{ path: ['a'] }, { path: ['b'] }];
    const parsed = parseMetainfo(buildFromMemory({ name: 't', files, format }).metainfoBytes);
    expect([parsed.length, parsed.pieceCount, parsed.files.length]).toEqual([0, 0, 2]);
  });

  it('is refused by the builder where the parser would refuse it', () => {
    const build = (files: object[], more = {}) =>
      buildFromMemory({ name: 'app', format: 'v2', files: files as never, ...more });
    const content = someBytes(3);
    expect(() => build([{ path: ['..'], content }])).toThrow(
      expect.objectContaining({ code: 'METAINFO_PATH_INVALID' }),
    );
    expect(() => build([{ path: ['a'], symlink: ['..', 'etc'] }])).toThrow(
      expect.objectContaining({ code: 'METAINFO_PATH_INVALID' }),
    );
    expect(() => build([{ path: ['a'], content }], { pieceLength: 100_000 })).toThrow(
      expect.objectContaining({ code: 'METAINFO_PIECE_LENGTH_INVALID' }),
    );
    expect(() => build([{ path: ['b'], content }], { single: true })).toThrow(
      expect.objectContaining({ code: 'METAINFO_INVALID' }),
    );
    expect(() => build([])).toThrow(expect.objectContaining({ code: 'METAINFO_INVALID' }));
  });

  it('built from any tree is parsed to that tree', () => {
    const component = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 8 })
      .filter((text) => !/[/\\\0]/.test(text) && text !== '.' && text !== '..');
    const file = fc.record({
      path: fc.array(component, { minLength: 1, maxLength: 4 }),
      length: fc.constantFrom(0, 1, 16_383, 16_384, 16_385, 32_768, 32_769, 70_000),
      executable: fc.boolean(),
    });
    // A leading component that numbers the files keeps them from colliding.
    const trees = fc.array(file, { minLength: 1, maxLength: 6 }).map((files) =>
      files.map(({ path, length, executable }, index) => ({
        path: [`${path[0]}${index}`, ...path.slice(1)],
        content: someBytes(length, index),
        executable,
      })),
    );
    fc.assert(
      fc.property(trees, fc.constantFrom(...FORMATS), (files, format) => {
        const built = buildFromMemory({ name: 't', files, format, pieceLength: 32_768 });
        const parsed = parseMetainfo(built.metainfoBytes);
        const told = parsed.files.map(({ path, length, executable }) => [path, length, executable]);
        const given = files.map(({ path, content, executable }) => [
          path,
          content.length,
          executable,
        ]);
        expect(told).toHaveLength(given.length);
        expect(told).toEqual(expect.arrayContaining(given));
        expect(
          encodeMetainfo({
            infoBytes: parsed.infoBytes,
            pieceLayers: format === 'v1' ? null : parsed.pieceLayers,
          }),
        ).toEqual(built.metainfoBytes);
      }),
      { numRuns: 60 },
    );
  });
});

describe('the torrent around info', () => {
  const built = buildFromMemory({ name: 'app', files: tree, format: 'hybrid' });

  it('takes trackers and web seeds without touching info', () => {
    const tiers = [['http://a/announce', 'http://b/announce'], ['udp://c:1']];
    const bytes = withAnnounce(built.metainfoBytes, tiers, ['http://seed/']);
    const parsed = parseMetainfo(bytes);
    expect(parsed.announce).toEqual(tiers);
    expect(parsed.webSeeds).toEqual(['http://seed/']);
    expect(parsed.infoBytes).toEqual(built.infoBytes);
    expect(withAnnounce(bytes, [])).toEqual(built.metainfoBytes);
    expect(parseMetainfo(withAnnounce(bytes, [['http://d/']])).announce).toEqual([['http://d/']]);
  });

  it('may say more, which is read leniently', () => {
    const outer = bdecode(built.metainfoBytes) as Map<string, BencodeInput>;
    outer.set('comment', 'hello');
    outer.set('created by', 'x');
    outer.set('creation date', 1_700_000_000);
    outer.set('announce', 'http://ignored/');
    outer.set('announce-list', [[' http://a/ ', ''], [], 5, [Buffer.from([0xff])]]);
    outer.set('url-list', ['http://s/ ', 'http://s/', 7]);
    expect(parseMetainfo(bencode(outer))).toMatchObject({
      comment: 'hello',
      createdBy: 'x',
      creationDate: 1_700_000_000,
      announce: [['http://a/']],
      webSeeds: ['http://s/'],
    });
  });

  it('is not needed: info alone parses, and layers are added later', () => {
    const whole = parseMetainfo(built.metainfoBytes);
    const bare = parseInfo(built.infoBytes);
    expect(bare.infoHashV2).toEqual(built.infoHashV2);
    expect(bare.pieceLayers.size).toBe(0);
    expect(withPieceLayers(bare, whole.pieceLayers)).toEqual(whole);
    expect(() => withPieceLayers(bare, new Map())).toThrow(
      expect.objectContaining({ code: 'METAINFO_PIECE_LAYERS_INVALID' }),
    );
  });

  it('keeps the info-hash of bytes as found: v1 keys may be unordered', () => {
    const v1 = Buffer.from(
      'd4:infod12:piece lengthi16384e4:name1:a6:lengthi1e6:pieces20:aaaaaaaaaaaaaaaaaaaaee',
    );
    const info = v1.subarray(7, -1);
    expect(parseMetainfo(v1).infoHashV1).toEqual(createHash('sha1').update(info).digest());
  });

  it('accepts a hybrid without the tail pad', () => {
    const content = someBytes(20_000);
    const two = [
      { path: ['a'], content },
      { path: ['b'], content },
    ];
    const padded = bdecode(
      buildFromMemory({ name: 't', files: two, format: 'hybrid' }).metainfoBytes,
    ) as BencodeDict;
    const paddedInfo = padded.get('info') as BencodeDict;
    const list = paddedInfo.get('files') as BencodeDict[];
    expect(list.at(-1)!.get('attr')).toEqual(Buffer.from('p'));
    paddedInfo.set('files', list.slice(0, -1));
    const parsed = parseMetainfo(bencode(padded));
    expect(parsed.v1!.length).toBe(32_768 + 20_000);
    expect(parsed.pieceCount).toBe(4);
  });
});
