import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { randomInt, seededRandom, shuffle, type Random } from '#lib/runtime';
import { comparePaths, parseMetainfo, type BuiltMetainfo, type MetainfoFormat } from '#lib/torrent';

import {
  buildFromMemory,
  someBytes,
  type MemoryFile,
} from '../../libs/torrent/src/metainfo/metainfo.fixture.js';
import { askOracle, type OracleAnswer, type OracleCase } from '../support/metainfo-oracle.js';

const KIB = 1024;
const FORMATS: readonly MetainfoFormat[] = ['v1', 'v2', 'hybrid'];

interface Shape {
  readonly title: string;
  readonly name: string;
  readonly single?: boolean;
  readonly pieceLength: number;
  readonly files: readonly MemoryFile[];
  /** Formats in which libtorrent shall make it too; all by default. */
  readonly create?: readonly MetainfoFormat[];
}

interface Built {
  readonly shape: Shape;
  readonly format: MetainfoFormat;
  readonly ours: BuiltMetainfo;
  readonly request: OracleCase;
}

const file = (path: string, length: number, more: Partial<MemoryFile> = {}): MemoryFile => ({
  path: path.split('/'),
  content: someBytes(length, length + path.length),
  ...more,
});
const link = (path: string, target: string): MemoryFile => ({
  path: path.split('/'),
  symlink: target.split('/'),
});

function singles(pieceLength: number): Shape[] {
  const block = 16 * KIB;
  const lengths = [1, block - 1, block, block + 1, pieceLength - 1, pieceLength, pieceLength + 1];
  lengths.push(3 * pieceLength, 5 * pieceLength + 777, 16 * pieceLength);
  return [...new Set(lengths)].map((length) => ({
    title: `one file of ${length} in pieces of ${pieceLength}`,
    name: 'app.tar',
    single: true,
    pieceLength,
    files: [file('app.tar', length)],
  }));
}

const TREES: readonly Shape[] = [
  {
    title: 'an executable file',
    name: 'tool',
    single: true,
    pieceLength: 16 * KIB,
    files: [file('tool', 99_999, { executable: true })],
  },
  {
    title: 'a unicode name',
    name: 'größe 日本 🙂.bin',
    single: true,
    pieceLength: 16 * KIB,
    files: [file('größe 日本 🙂.bin', 20_000)],
  },
  {
    title: 'a folder with one file',
    name: 'app',
    pieceLength: 16 * KIB,
    files: [file('bin', 20_000)],
  },
  {
    title: 'a folder with one deep file',
    name: 'app',
    pieceLength: 32 * KIB,
    files: [file('a/b/c', 70_000)],
  },
  {
    title: 'a folder with one file of its own name',
    name: 'app',
    pieceLength: 16 * KIB,
    files: [file('app', 20_000)],
    create: ['v1', 'hybrid'],
  },
  {
    title: 'an empty file at the end',
    name: 't',
    pieceLength: 16 * KIB,
    files: [file('a', 5), file('b', 0)],
  },
  {
    title: 'an empty file at the start',
    name: 't',
    pieceLength: 16 * KIB,
    files: [file('a', 0), file('b', 5)],
  },
  {
    title: 'aligned files only',
    name: 't',
    pieceLength: 32 * KIB,
    files: [file('a', 32 * KIB), file('b', 64 * KIB)],
  },
  {
    title: 'files around a block',
    name: 't',
    pieceLength: 64 * KIB,
    files: [1, 16_383, 16_384, 16_385].map((length) => file(`f${length}`, length)),
  },
  {
    title: 'files around a piece',
    name: 't',
    pieceLength: 64 * KIB,
    files: [65_535, 65_536, 65_537, 131_072].map((length) => file(`f${length}`, length)),
  },
  {
    title: 'identical files',
    name: 't',
    pieceLength: 16 * KIB,
    files: ['x', 'y', 'd/z'].map((path) => ({ path: path.split('/'), content: someBytes(50_000) })),
  },
  {
    title: 'symlinks to files and folders',
    name: 't',
    pieceLength: 16 * KIB,
    files: [
      file('d/x', 20_000),
      file('a', 3),
      link('current', 'd'),
      link('d/up', 'a'),
      link('z', 'd/x'),
    ],
  },
  {
    title: 'a file and a symlink',
    name: 't',
    pieceLength: 16 * KIB,
    files: [file('one', 5), link('two', 'one')],
  },
  {
    title: 'executables',
    name: 't',
    pieceLength: 16 * KIB,
    files: [
      file('bin/run', 40_000, { executable: true }),
      file('bin/empty', 0, { executable: true }),
      file('doc', 9),
    ],
  },
  {
    title: 'names whose order is delicate',
    name: 't',
    pieceLength: 16 * KIB,
    files: [
      'a/b',
      'a.b',
      'a-b',
      'ab',
      'K',
      'B',
      'a b',
      'é',
      'e\u0301',
      '\uff41',
      '🙂',
      '_',
      '~',
      'z/0',
      'z/00',
      'z/é/1',
      'z0',
    ].map((path, index) => file(path, 100 + index)),
  },
  {
    title: 'deep folders',
    name: 't',
    pieceLength: 16 * KIB,
    files: [file(`${'d/'.repeat(40)}x`, 30_000), file(`${'d/'.repeat(39)}y`, 1), file('e', 2)],
  },
  {
    title: 'a folder called .pad',
    name: 't',
    pieceLength: 16 * KIB,
    files: [file('.pad/x', 5), file('b', 17_000)],
  },
  {
    title: 'long names',
    name: 'n'.repeat(200),
    pieceLength: 16 * KIB,
    files: [file(`${'l'.repeat(240)}/${'m'.repeat(240)}`, 17_000), file('b', 3)],
  },
  {
    title: 'many small files',
    name: 't',
    pieceLength: 16 * KIB,
    files: Array.from({ length: 400 }, (_, index) => file(`p${index % 7}/f${index}`, index * 3)),
  },
];

/** A tree of up to 12 files with lengths around the edges of blocks and pieces. */
function randomTree(random: Random, index: number): Shape {
  const pieceLength = 16 * KIB * 2 ** randomInt(random, 3);
  const edges = [0, 1, 16 * KIB, pieceLength, 2 * pieceLength, 3 * pieceLength];
  const folders = ['', '', 'a/', 'a/b/', 'ü/', 'z.d/'];
  const files = Array.from({ length: 1 + randomInt(random, 12) }, (_, number) => {
    const edge = edges[randomInt(random, edges.length)]!;
    const length = Math.max(0, edge + randomInt(random, 3) - 1);
    const path = `${folders[randomInt(random, folders.length)]!}f${number}`;
    return file(path, length, { executable: random() < 0.2 });
  });
  files.push(file('payload', 1 + randomInt(random, 100_000)));
  const target = files[randomInt(random, files.length)]!.path.join('/');
  if (random() < 0.5) files.push(link('a/link', target));
  return { title: `random tree ${index}`, name: `random-${index}`, pieceLength, files };
}

function writeContent(folder: string, shape: Shape): void {
  const root = join(folder, shape.name);
  for (const { path, content, symlink } of shape.files) {
    const place = shape.single ? root : join(root, ...path);
    mkdirSync(dirname(place), { recursive: true });
    if (symlink === undefined) writeFileSync(place, content ?? new Uint8Array());
    else symlinkSync(relative(dirname(place), join(root, ...symlink)), place);
  }
}

function build(root: string, shape: Shape, number: number, random: Random): Built[] {
  const content = join(root, String(number));
  writeContent(content, shape);
  return FORMATS.map((format) => {
    const { name, files, pieceLength, single = false } = shape;
    const ours = buildFromMemory({ name, files, pieceLength, single, format });
    const folder = join(content, format);
    mkdirSync(folder);
    symlinkSync(join('..', name), join(folder, name));
    writeFileSync(join(folder, 'ours.torrent'), ours.metainfoBytes);
    const given = files.map((one) => ({
      path: one.path,
      length: one.content?.length ?? 0,
      executable: one.executable ?? false,
      symlink: one.symlink ?? null,
    }));
    // For v2 libtorrent finds the order itself; v1 keeps the order in which files are given.
    if (format === 'v1') given.sort((left, right) => comparePaths(left.path, right.path));
    else shuffle(given, random);
    const create = (shape.create ?? FORMATS).includes(format);
    return {
      shape,
      format,
      ours,
      request: { folder, name, single, format, pieceLength, files: given, create },
    };
  });
}

describe('metainfo against libtorrent', () => {
  const root = mkdtempSync(join(tmpdir(), 'fleetseed-oracle-'));
  const random = seededRandom(20_261_122);
  const shapes = [
    ...singles(16 * KIB),
    ...singles(64 * KIB),
    ...TREES,
    ...Array.from({ length: 40 }, (_, index) => randomTree(random, index)),
  ];
  let built: Built[] = [];
  let answers: OracleAnswer[] = [];

  beforeAll(() => {
    built = shapes.flatMap((shape, number) => build(root, shape, number, random));
    answers = askOracle(built.map(({ request }) => request));
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  /** Each case with what our side and what libtorrent says of it, under a name for the report. */
  const compare = (of: (one: Built, answer: OracleAnswer) => [unknown, unknown] | null) => {
    const ours: Record<string, unknown> = {};
    const theirs: Record<string, unknown> = {};
    for (const [index, one] of built.entries()) {
      const pair = of(one, answers[index]!);
      if (pair === null) continue;
      const what = `${one.shape.title}, ${one.format}`;
      [ours[what], theirs[what]] = pair;
    }
    return { ours, theirs };
  };

  it('is asked about every case', () => {
    expect(answers).toHaveLength(shapes.length * FORMATS.length);
    expect(answers.filter(({ made }) => made === null)).toHaveLength(1);
  });

  it('makes the same info dictionaries and piece layers, byte for byte', () => {
    const { ours, theirs } = compare(({ ours: made, format }, { made: other }) => {
      if (other === null) return null;
      const layers = format === 'v1' ? '' : `12:piece layers${latin1(other.layers)}`;
      return [made.metainfoBytes.toString('latin1'), `d4:info${latin1(other.info)}${layers}e`];
    });
    expect(ours).toEqual(theirs);
  });

  it('makes torrents that libtorrent loads with the same hashes and files', () => {
    const { ours, theirs } = compare(({ ours: made, shape, format }, { loaded }) => {
      const parsed = parseMetainfo(made.metainfoBytes);
      // To libtorrent a v2-only folder with one file at its top is that file alone.
      const bare = shape.files.length === 1 && shape.files[0]!.path.length === 1 && format === 'v2';
      const prefix = parsed.single || bare ? '' : `${shape.name}/`;
      const files = parsed.files.map((one) => ({
        path: prefix + one.path.join('/'),
        length: one.length,
        executable: one.executable,
        symlink: one.symlink === null ? null : prefix + one.symlink.join('/'),
      }));
      const v1 = made.infoHashV1?.toString('hex') ?? null;
      const v2 = made.infoHashV2?.toString('hex') ?? null;
      return [{ v1, v2, private: true, pieces: parsed.pieceCount, files }, loaded];
    });
    expect(ours).toEqual(theirs);
  });

  it("parses libtorrent's torrents to what it parses from its own", () => {
    const { ours, theirs } = compare(({ ours: made }, { made: other }) => {
      if (other === null) return null;
      const { creationDate, ...rest } = parseMetainfo(Buffer.from(other.torrent, 'hex'));
      const dated = creationDate !== undefined && creationDate > 0;
      return [
        { dated: true, ...parseMetainfo(made.metainfoBytes) },
        { dated, ...rest },
      ];
    });
    expect(ours).toEqual(theirs);
  });
});

function latin1(hex: string): string {
  return Buffer.from(hex, 'hex').toString('latin1');
}
