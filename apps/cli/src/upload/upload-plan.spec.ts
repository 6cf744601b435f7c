import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { Upload, UploadObject } from '#lib/contracts';

import { lackingBytes, lackingParts } from './upload-plan.js';

const hex = (digit: string) => digit.repeat(64);

function uploadOf(...objects: UploadObject[]): Upload {
  return {
    upload: 'u1',
    app: 'web',
    version: '1',
    state: 'open',
    objects,
    bytes: 0,
    knownBytes: 0,
    receivedBytes: 0,
    expiresAt: 0,
    progress: 0,
    release: null,
    error: null,
  };
}

describe('the plan of an upload', () => {
  it('cuts a large file into parts, the last one shorter', () => {
    const entries = [{ root: hex('a'), length: 25 }];
    const upload = uploadOf({ object: 'f0', bytes: 25, partBytes: 10, entries, received: [] });
    expect([...lackingParts(upload)]).toEqual([
      {
        object: 'f0',
        part: 0,
        length: 10,
        partBytes: 10,
        direct: false,
        segments: [{ root: hex('a'), offset: 0, length: 10 }],
      },
      {
        object: 'f0',
        part: 1,
        length: 10,
        partBytes: 10,
        direct: false,
        segments: [{ root: hex('a'), offset: 10, length: 10 }],
      },
      {
        object: 'f0',
        part: 2,
        length: 5,
        partBytes: 10,
        direct: false,
        segments: [{ root: hex('a'), offset: 20, length: 5 }],
      },
    ]);
  });

  it('lays the files of a pack end to end, across the borders of parts', () => {
    const entries = [
      { root: hex('a'), length: 3 },
      { root: hex('b'), length: 6 },
      { root: hex('c'), length: 1 },
    ];
    const upload = uploadOf({ object: 'p0', bytes: 10, partBytes: 5, entries, received: [] });
    expect([...lackingParts(upload)].map(({ segments }) => segments)).toEqual([
      [
        { root: hex('a'), offset: 0, length: 3 },
        { root: hex('b'), offset: 0, length: 2 },
      ],
      [
        { root: hex('b'), offset: 2, length: 4 },
        { root: hex('c'), offset: 0, length: 1 },
      ],
    ]);
  });

  it('leaves out what was received, and counts what is left', () => {
    const entries = [{ root: hex('a'), length: 25 }];
    const upload = uploadOf({ object: 'f0', bytes: 25, partBytes: 10, entries, received: [0, 2] });
    expect([...lackingParts(upload)].map(({ part }) => part)).toEqual([1]);
    expect(lackingBytes(upload)).toBe(10);
  });

  it('refuses a plan whose entries do not fill the object', () => {
    const entries = [{ root: hex('a'), length: 7 }];
    const upload = uploadOf({ object: 'f0', bytes: 8, partBytes: 4, entries, received: [] });
    expect(() => [...lackingParts(upload)]).toThrow(/plan is wrong: object f0/);
  });

  it('covers every byte of every entry exactly once, in order', () => {
    const lengths = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(lengths, fc.integer({ min: 1, max: 50 }), (sizes, partBytes) => {
        const entries = sizes.map((length, index) => ({
          root: index.toString(16).padStart(64, '0'),
          length,
        }));
        const bytes = sizes.reduce((sum, length) => sum + length, 0);
        const parts = [
          ...lackingParts(uploadOf({ object: 'p0', bytes, partBytes, entries, received: [] })),
        ];
        const covered = parts.flatMap(({ segments }) =>
          segments.flatMap(({ root, offset, length }) =>
            Array.from({ length }, (_, at) => `${Number.parseInt(root, 16)}:${offset + at}`),
          ),
        );
        expect(covered).toEqual(
          sizes.flatMap((length, index) => Array.from({ length }, (_, at) => `${index}:${at}`)),
        );
        for (const part of parts.slice(0, -1)) expect(part.length).toBe(partBytes);
      }),
    );
  });
});
