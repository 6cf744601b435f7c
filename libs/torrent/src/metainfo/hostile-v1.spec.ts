import { describe, expect, it } from 'vitest';

import type { ErrorCode } from '#lib/contracts';

import { HUGE, changed, codeOf, dict, node, type Change, type Dict } from './hostile.fixture.js';
import { parseMetainfo } from './metainfo.parser.js';

const v1File = (info: Dict, index: number) => (info.get('files') as Dict[])[index]!;

describe('hostile metainfo, v1', () => {
  it.each<[string, ErrorCode, Change]>([
    ['no pieces', 'METAINFO_INVALID', (info) => info.delete('pieces')],
    ['pieces that are a list', 'METAINFO_INVALID', (info) => info.set('pieces', [])],
    [
      'pieces that are not whole hashes',
      'METAINFO_INVALID',
      (info) => info.set('pieces', Buffer.alloc(79)),
    ],
    ['too few pieces', 'METAINFO_INVALID', (info) => info.set('pieces', Buffer.alloc(60))],
    ['too many pieces', 'METAINFO_INVALID', (info) => info.set('pieces', Buffer.alloc(100))],
    [
      'more pieces than we hold',
      'METAINFO_TOO_LARGE',
      (info) => v1File(info, 0).set('length', 2 ** 49),
    ],
    ['neither length nor files', 'METAINFO_INVALID', (info) => info.delete('files')],
    ['no files', 'METAINFO_INVALID', (info) => info.set('files', [])],
    ['files that are text', 'METAINFO_INVALID', (info) => info.set('files', 'a')],
    ['a file that is text', 'METAINFO_INVALID', (info) => info.set('files', ['a'])],
    [
      'only pads',
      'METAINFO_INVALID',
      (info) => info.set('files', [dict(['attr', 'p'], ['length', 5])]),
    ],
    ['a zero piece length', 'METAINFO_PIECE_LENGTH_INVALID', (info) => info.set('piece length', 0)],
    ['a negative size', 'METAINFO_INVALID', (info) => v1File(info, 0).set('length', -1)],
    ['a huge size', 'METAINFO_INVALID', (info) => v1File(info, 0).set('length', HUGE)],
    [
      'sizes that are huge together',
      'METAINFO_INVALID',
      (info) => [0, 1, 3].map((at) => v1File(info, at).set('length', 2 ** 49 + 1)),
    ],
    [
      'a path that climbs',
      'METAINFO_PATH_INVALID',
      (info) => v1File(info, 1).set('path', ['d', '..', '..', 'b']),
    ],
    [
      'an absolute path',
      'METAINFO_PATH_INVALID',
      (info) => v1File(info, 1).set('path', ['/etc/passwd']),
    ],
    ['an empty path', 'METAINFO_PATH_INVALID', (info) => v1File(info, 1).set('path', [])],
    [
      'an empty component',
      'METAINFO_PATH_INVALID',
      (info) => v1File(info, 1).set('path', ['', 'etc']),
    ],
    ['no path', 'METAINFO_INVALID', (info) => v1File(info, 1).delete('path')],
    ['a path that is text', 'METAINFO_INVALID', (info) => v1File(info, 1).set('path', 'a/b')],
    ['a path of numbers', 'METAINFO_INVALID', (info) => v1File(info, 1).set('path', [1])],
    ['a duplicate path', 'METAINFO_PATH_INVALID', (info) => v1File(info, 1).set('path', ['a'])],
    [
      'a file inside a file',
      'METAINFO_PATH_INVALID',
      (info) => v1File(info, 1).set('path', ['a', 'b']),
    ],
    [
      'a folder that is a file',
      'METAINFO_PATH_INVALID',
      (info) => v1File(info, 3).set('path', ['d']),
    ],
    [
      'a path that goes through a symlink',
      'METAINFO_PATH_INVALID',
      (info) => v1File(info, 3).set('path', ['l', 'z']),
    ],
    [
      'a symlink that climbs',
      'METAINFO_PATH_INVALID',
      (info) => v1File(info, 2).set('symlink path', ['..']),
    ],
  ])('is refused with %s', (_, code, change) => {
    expect(codeOf(changed('v1', change))).toBe(code);
  });

  it('prefers names in UTF-8 where an old torrent has both', () => {
    const bytes = changed('v1', (info) => {
      v1File(info, 0)
        .set('path', [Buffer.from([0xe9])])
        .set('path.utf-8', ['é']);
      info.set('name', Buffer.from([0xe9])).set('name.utf-8', 'né');
    });
    const { name, files: parsed } = parseMetainfo(bytes);
    expect([name, parsed[0]!.path]).toEqual(['né', ['é']]);
  });

  it('accepts pads of any size, back to back, with or without a path', () => {
    const bytes = changed('v1', (info) => {
      const pads = [50_000, 16_384, 1].map((length) => dict(['attr', 'p'], ['length', length]));
      pads[0]!.set('path', ['.pad', '50000']);
      info.set('files', [...pads, dict(['length', 5], ['path', ['x']])]);
      info.set('pieces', Buffer.alloc(Math.ceil(66_390 / 16_384) * 20));
    });
    const parsed = parseMetainfo(bytes);
    expect(parsed.files).toHaveLength(1);
    expect([parsed.length, parsed.v1!.length]).toEqual([5, 66_390]);
  });
});

describe('hostile metainfo, hybrid', () => {
  it.each<[string, ErrorCode, Change]>([
    ['another name in v1', 'METAINFO_INVALID', (info) => v1File(info, 0).set('path', ['x'])],
    [
      'a file that only v1 has',
      'METAINFO_INVALID',
      (info) => (info.get('files') as Dict[]).push(dict(['length', 0], ['path', ['x']])),
    ],
    [
      'a file that only v2 has',
      'METAINFO_INVALID',
      (info) => node(info).set('x', dict(['', dict(['length', 0])])),
    ],
    ['another length in v1', 'METAINFO_INVALID', (info) => v1File(info, 0).set('length', 39_999)],
    [
      'another symlink in v1',
      'METAINFO_INVALID',
      (info) => v1File(info, 4).set('symlink path', ['a']),
    ],
    ['a pad that is too short', 'METAINFO_INVALID', (info) => v1File(info, 1).set('length', 9151)],
    [
      'another order',
      'METAINFO_INVALID',
      (info) => info.set('files', (info.get('files') as Dict[]).toReversed()),
    ],
    [
      'a tree in v2 and one file in v1',
      'METAINFO_INVALID',
      (info) => info.set('length', 60_005) && info.delete('files'),
    ],
    [
      'more pads than v2 has pieces',
      'METAINFO_INVALID',
      (info) => {
        v1File(info, 6).set('length', 12_768 + 16_384);
        info.set('pieces', Buffer.alloc((info.get('pieces') as Buffer).length + 20));
      },
    ],
  ])('is refused with %s', (_, code, change) => {
    expect(codeOf(changed('hybrid', change))).toBe(code);
  });
});
