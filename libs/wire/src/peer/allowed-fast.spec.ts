import { describe, expect, it } from 'vitest';

import { ipToBytes } from '../address/ip-address.js';
import { allowedFastSet } from './allowed-fast.js';

const HASH = Buffer.alloc(20, 0xaa);
const of = (address: string, pieces: number, count: number) =>
  allowedFastSet(ipToBytes(address)!, HASH, pieces, count);

describe('allowedFastSet', () => {
  it('is that of BEP 6', () => {
    const seven = [1059, 431, 808, 1217, 287, 376, 1188];
    expect(of('80.4.4.200', 1313, 7)).toEqual(seven);
    expect(of('80.4.4.200', 1313, 9)).toEqual([...seven, 353, 508]);
  });

  it('is the same for a whole network', () => {
    expect(of('80.4.4.1', 1313, 7)).toEqual(of('80.4.4.200', 1313, 7));
    expect(of('80.4.5.1', 1313, 7)).not.toEqual(of('80.4.4.200', 1313, 7));
    expect(of('fd00::1', 1313, 7)).toEqual(of('fd00::ffff:1', 1313, 7));
    expect(of('fd00:0:0:1::1', 1313, 7)).not.toEqual(of('fd00::1', 1313, 7));
  });

  it('has all pieces when there are no more', () => {
    expect(new Set(of('10.0.0.1', 3, 10))).toEqual(new Set([0, 1, 2]));
    expect(of('10.0.0.1', 1, 10)).toEqual([0]);
  });
});
