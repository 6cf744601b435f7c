import { describe, expect, it } from 'vitest';

import { AppName, FleetseedError } from '#lib/contracts';

import { checkArgument, parseBytes, parseCount, parseSeconds } from './arguments.js';

describe('arguments', () => {
  it('reads bytes as people write them', () => {
    const given = ['65536', '64k', '64K', '64KiB', '64 kb', '1M', '16MiB', '2G'];
    expect(given.map((text) => parseBytes(text, '--x'))).toEqual([
      65_536, 65_536, 65_536, 65_536, 65_536, 1_048_576, 16_777_216, 2_147_483_648,
    ]);
  });

  it('reads times as people write them', () => {
    expect(['90', '90s', '15m', '12h', '30d'].map((text) => parseSeconds(text, '--x'))).toEqual([
      90, 90, 900, 43_200, 2_592_000,
    ]);
  });

  it('refuses anything else as a usage error that names the option', () => {
    const wrong = [
      () => parseBytes('0', '--piece-length'),
      () => parseBytes('-1', '--piece-length'),
      () => parseBytes('1T', '--piece-length'),
      () => parseSeconds('', '--piece-length'),
      () => parseSeconds('1w', '--piece-length'),
      () => parseCount('1.5', '--piece-length', 1, 9),
      () => parseCount('10', '--piece-length', 1, 9),
      () => checkArgument(AppName, 'No App', '--piece-length'),
    ];
    for (const parse of wrong) {
      expect(parse).toThrow(FleetseedError);
      expect(parse).toThrow(/^--piece-length "/);
      expect(parse).toThrow(expect.objectContaining({ exit: 2 }));
    }
  });
});
