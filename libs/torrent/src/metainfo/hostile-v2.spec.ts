import { describe, expect, it } from 'vitest';

import type { ErrorCode } from '#lib/contracts';

import type { BencodeInput } from '../bencode/bencode.types.js';
import {
  HUGE,
  built,
  changed,
  codeOf,
  dict,
  node,
  type Change,
  type Dict,
} from './hostile.fixture.js';
import { parseInfo, parseMetainfo } from './metainfo.parser.js';

const leaf = (info: Dict, ...path: string[]) => node(info, ...path, '');
const flip = (bytes: BencodeInput | undefined): Buffer => {
  const copy = Buffer.from(bytes as Buffer);
  copy[3]! ^= 1;
  return copy;
};

describe('hostile metainfo, v2', () => {
  it.each<[string, ErrorCode, Change]>([
    ['no info', 'METAINFO_INVALID', (_, outer) => outer.delete('info')],
    ['info that is a list', 'METAINFO_INVALID', (_, outer) => outer.set('info', [])],
    ['an unknown meta version', 'METAINFO_INVALID', (info) => info.set('meta version', 3)],
    ['a meta version in text', 'METAINFO_INVALID', (info) => info.set('meta version', '2')],
    ['no name', 'METAINFO_INVALID', (info) => info.delete('name')],
    ['a name that is a number', 'METAINFO_INVALID', (info) => info.set('name', 5)],
    ['an empty name', 'METAINFO_PATH_INVALID', (info) => info.set('name', '')],
    ['a name that climbs', 'METAINFO_PATH_INVALID', (info) => info.set('name', '..')],
    ['an absolute name', 'METAINFO_PATH_INVALID', (info) => info.set('name', '/etc')],
    [
      'a name that is not UTF-8',
      'METAINFO_PATH_INVALID',
      (info) => info.set('name', Buffer.from([0xc3])),
    ],

    ['no piece length', 'METAINFO_PIECE_LENGTH_INVALID', (info) => info.delete('piece length')],
    [
      'a piece length of zero',
      'METAINFO_PIECE_LENGTH_INVALID',
      (info) => info.set('piece length', 0),
    ],
    [
      'a negative piece length',
      'METAINFO_PIECE_LENGTH_INVALID',
      (info) => info.set('piece length', -16_384),
    ],
    [
      'a small piece length',
      'METAINFO_PIECE_LENGTH_INVALID',
      (info) => info.set('piece length', 8192),
    ],
    [
      'a piece length that is no power of two',
      'METAINFO_PIECE_LENGTH_INVALID',
      (info) => info.set('piece length', 49_152),
    ],
    [
      'a huge piece length',
      'METAINFO_PIECE_LENGTH_INVALID',
      (info) => info.set('piece length', 2 ** 40),
    ],
    [
      'a piece length in text',
      'METAINFO_PIECE_LENGTH_INVALID',
      (info) => info.set('piece length', '16384'),
    ],

    ['no file tree', 'METAINFO_INVALID', (info) => info.delete('file tree')],
    ['an empty file tree', 'METAINFO_INVALID', (info) => info.set('file tree', dict())],
    ['a file tree that is a list', 'METAINFO_INVALID', (info) => info.set('file tree', [])],
    ['a node that is a number', 'METAINFO_INVALID', (info) => node(info).set('n', 1)],
    ['a leaf that is a number', 'METAINFO_INVALID', (info) => node(info).set('n', dict(['', 1]))],
    ['an empty folder', 'METAINFO_INVALID', (info) => node(info).set('n', dict())],
    [
      'a root that is a file',
      'METAINFO_PATH_INVALID',
      (info) => info.set('file tree', dict(['', dict(['length', 0])])),
    ],
    [
      'a file that is a folder too',
      'METAINFO_PATH_INVALID',
      (info) => node(info, 'd').set('', dict(['length', 0])),
    ],
    ['a pad file in the tree', 'METAINFO_INVALID', (info) => leaf(info, 'a').set('attr', 'p')],

    [
      'a path that climbs',
      'METAINFO_PATH_INVALID',
      (info) => node(info).set('..', node(info, 'd')),
    ],
    ['a path that stays', 'METAINFO_PATH_INVALID', (info) => node(info).set('.', node(info, 'd'))],
    [
      'an absolute path',
      'METAINFO_PATH_INVALID',
      (info) => node(info).set('/etc', node(info, 'a')),
    ],
    [
      'a separator in a name',
      'METAINFO_PATH_INVALID',
      (info) => node(info).set('x/../../y', node(info, 'a')),
    ],
    ['a NUL in a name', 'METAINFO_PATH_INVALID', (info) => node(info).set('x\0', node(info, 'a'))],
    [
      'a name that is not UTF-8',
      'METAINFO_PATH_INVALID',
      (info) => node(info).set('\xff', node(info, 'a')),
    ],
    [
      'an overlong UTF-8 dot',
      'METAINFO_PATH_INVALID',
      (info) => node(info).set('\xc0\xae\xc0\xae', node(info, 'a')),
    ],
    [
      'a surrogate in UTF-8',
      'METAINFO_PATH_INVALID',
      (info) => node(info).set('\xed\xa0\x80', node(info, 'a')),
    ],

    ['no length', 'METAINFO_INVALID', (info) => leaf(info, 'a').delete('length')],
    ['a negative length', 'METAINFO_INVALID', (info) => leaf(info, 'a').set('length', -1)],
    ['a huge length', 'METAINFO_INVALID', (info) => leaf(info, 'a').set('length', HUGE)],
    ['too many pieces', 'METAINFO_TOO_LARGE', (info) => leaf(info, 'a').set('length', 2 ** 49)],
    ['a length in text', 'METAINFO_INVALID', (info) => leaf(info, 'a').set('length', '5')],

    ['no root', 'METAINFO_ROOT_INVALID', (info) => leaf(info, 'd', 'b').delete('pieces root')],
    [
      'a root of zeros',
      'METAINFO_ROOT_INVALID',
      (info) => leaf(info, 'a').set('pieces root', Buffer.alloc(32)),
    ],
    [
      'a root of zeros on a small file',
      'METAINFO_ROOT_INVALID',
      (info) => leaf(info, 'd', 'b').set('pieces root', Buffer.alloc(32)),
    ],
    [
      'a short root',
      'METAINFO_ROOT_INVALID',
      (info) => leaf(info, 'a').set('pieces root', Buffer.alloc(31, 1)),
    ],
    [
      'a root that is a number',
      'METAINFO_ROOT_INVALID',
      (info) => leaf(info, 'a').set('pieces root', 7),
    ],

    [
      'no piece layers',
      'METAINFO_PIECE_LAYERS_INVALID',
      (_, outer) => outer.delete('piece layers'),
    ],
    [
      'piece layers that are a list',
      'METAINFO_INVALID',
      (_, outer) => outer.set('piece layers', []),
    ],
    [
      'a layer that is missing',
      'METAINFO_PIECE_LAYERS_INVALID',
      (_, outer) => layers(outer).delete(firstLayer(outer)),
    ],
    [
      'a layer that is wrong',
      'METAINFO_PIECE_LAYERS_INVALID',
      (_, outer) =>
        layers(outer).set(firstLayer(outer), flip(layers(outer).get(firstLayer(outer)))),
    ],
    [
      'a layer that is too short',
      'METAINFO_PIECE_LAYERS_INVALID',
      (_, outer) => layers(outer).set(firstLayer(outer), Buffer.alloc(32)),
    ],
    [
      'a layer that is no multiple of 32',
      'METAINFO_PIECE_LAYERS_INVALID',
      (_, outer) => layers(outer).set(firstLayer(outer), Buffer.alloc(95)),
    ],
    [
      'an empty layer',
      'METAINFO_PIECE_LAYERS_INVALID',
      (_, outer) => layers(outer).set(firstLayer(outer), ''),
    ],
    [
      'a layer that is a number',
      'METAINFO_PIECE_LAYERS_INVALID',
      (_, outer) => layers(outer).set(firstLayer(outer), 1),
    ],
    [
      'a layer of no file',
      'METAINFO_PIECE_LAYERS_INVALID',
      (_, outer) => layers(outer).set('x'.repeat(32), Buffer.alloc(64)),
    ],
    [
      'a layer with a short key',
      'METAINFO_PIECE_LAYERS_INVALID',
      (_, outer) => layers(outer).set('x', Buffer.alloc(64)),
    ],
    [
      'another root',
      'METAINFO_PIECE_LAYERS_INVALID',
      (info) => leaf(info, 'a').set('pieces root', flip(leaf(info, 'a').get('pieces root'))),
    ],

    [
      'a symlink without a target',
      'METAINFO_INVALID',
      (info) => leaf(info, 'l').delete('symlink path'),
    ],
    [
      'a symlink that climbs',
      'METAINFO_PATH_INVALID',
      (info) => leaf(info, 'l').set('symlink path', ['..', 'x']),
    ],
    [
      'a symlink that climbs later',
      'METAINFO_PATH_INVALID',
      (info) => leaf(info, 'l').set('symlink path', ['d', '..', '..', 'x']),
    ],
    [
      'an absolute symlink',
      'METAINFO_PATH_INVALID',
      (info) => leaf(info, 'l').set('symlink path', ['/etc/passwd']),
    ],
    [
      'a symlink with an empty component',
      'METAINFO_PATH_INVALID',
      (info) => leaf(info, 'l').set('symlink path', ['', 'etc']),
    ],
    [
      'a symlink target that is text',
      'METAINFO_INVALID',
      (info) => leaf(info, 'l').set('symlink path', 'd/b'),
    ],
    [
      'a symlink target of numbers',
      'METAINFO_INVALID',
      (info) => leaf(info, 'l').set('symlink path', [1]),
    ],
  ])('is refused with %s', (_, code, change) => {
    expect(codeOf(changed('v2', change))).toBe(code);
  });

  it('is refused when its one file is a symlink', () => {
    const link = dict(['', dict(['attr', 'l'], ['symlink path', ['x']])]);
    const v2 = changed('v2', (info, outer) => {
      info.set('file tree', dict(['t', link]));
      outer.set('piece layers', dict());
    });
    expect(codeOf(v2)).toBe('METAINFO_INVALID');
    const v1 = changed('v1', (info) => {
      info.delete('files');
      info.set('length', 0).set('attr', 'l').set('symlink path', ['x']).set('pieces', '');
    });
    expect(codeOf(v1)).toBe('METAINFO_INVALID');
  });

  it('is refused with deep recursion', () => {
    let tree: Dict = dict(['', dict(['length', 0])]);
    for (let depth = 0; depth < 91; depth++) tree = dict(['x', tree]);
    expect(codeOf(changed('v2', (info) => info.set('file tree', tree)))).toBe(
      'METAINFO_PATH_INVALID',
    );
    for (let depth = 0; depth < 1000; depth++) tree = dict(['x', tree]);
    expect(codeOf(changed('v2', (info) => info.set('file tree', tree)))).toBe('BENCODE_INVALID');
    const text = `d4:infod9:file tree${'d1:x'.repeat(500_000)}`;
    expect(codeOf(Buffer.from(text))).toBe('BENCODE_INVALID');
  });

  it('is refused with overlong integers, duplicate and unordered keys, and bytes after the end', () => {
    const text = built.v2.metainfoBytes.toString('latin1');
    const replaced = (from: string, to: string) => {
      expect(text).toContain(from);
      return codeOf(Buffer.from(text.replace(from, to), 'latin1'));
    };
    expect(replaced('6:lengthi5e', '6:lengthi05e')).toBe('BENCODE_INVALID');
    expect(replaced('6:lengthi5e', `6:lengthi${'9'.repeat(30)}e`)).toBe('BENCODE_INVALID');
    expect(replaced('6:lengthi5e', `6:lengthi${'0'.repeat(300)}5e`)).toBe('BENCODE_INVALID');
    expect(replaced('4:name1:t', '4:name1:t4:name1:t')).toBe('BENCODE_INVALID');
    expect(replaced('12:meta versioni2e4:name1:t', '4:name1:t12:meta versioni2e')).toBe(
      'BENCODE_INVALID',
    );
    expect(codeOf(Buffer.from(`${text}e`, 'latin1'))).toBe('BENCODE_INVALID');
    expect(codeOf(Buffer.from('le'))).toBe('BENCODE_INVALID');
  });

  it.each(['v2', 'hybrid'] as const)('is refused so from peers too (%s)', (format) => {
    const text = built[format].infoBytes.toString('latin1');
    const given = (changedText: string) => {
      expect(changedText).not.toBe(text);
      return codeOf(Buffer.from(changedText, 'latin1'), parseInfo);
    };
    expect(given(text.replace('4:name1:t', '4:name1:t4:name1:t'))).toBe('BENCODE_INVALID');
    // At the top, and deep inside the file tree.
    const swapped = text.replace('12:meta versioni2e4:name1:t', '4:name1:t12:meta versioni2e');
    expect(given(swapped)).toBe('BENCODE_INVALID');
    const inside = text.replace(/(6:lengthi5e)(11:pieces root32:.{32})/s, '$2$1');
    expect(given(inside)).toBe('BENCODE_INVALID');
    expect(given(`${text}e`)).toBe('METAINFO_INVALID');
  });

  it('is refused beyond the size that is allowed', () => {
    const parse = (bytes: Uint8Array) => parseMetainfo(bytes, { maxBytes: 100 });
    expect(codeOf(built.v2.metainfoBytes, parse)).toBe('METAINFO_TOO_LARGE');
  });

  it('may lack layers only when that is asked for', () => {
    const bytes = changed('v2', (_, outer) => outer.delete('piece layers'));
    const parsed = parseMetainfo(bytes, { allowMissingLayers: true });
    expect(parsed.infoHashV2).toEqual(built.v2.infoHashV2);
  });

  it('tolerates a root on an empty file, as old libtorrent wrote it', () => {
    const empty = dict(['', dict(['length', 0], ['pieces root', Buffer.alloc(32)])]);
    const { files: parsed } = parseMetainfo(changed('v2', (info) => node(info).set('e', empty)));
    expect(parsed.find((file) => file.path[0] === 'e')!.root).toBeNull();
  });
});

function layers(outer: Dict): Dict {
  return outer.get('piece layers') as Dict;
}

function firstLayer(outer: Dict): string {
  return [...layers(outer).keys()][0]!;
}
