import { createHmac } from 'node:crypto';

import { describe, expect, it } from 'vitest';

import { zoneMark } from './zone-mark.js';

const SECRET = Buffer.alloc(32, 9);
const HASH = Buffer.alloc(32, 1);

describe('zoneMark', () => {
  it('is the beginning of the HMAC of the documented layout', () => {
    const layout = Buffer.concat([Buffer.from('fleetseed-zone-1'), HASH, Buffer.from('eu-1a')]);
    const expected = createHmac('sha256', SECRET).update(layout).digest().subarray(0, 8);
    expect(zoneMark(SECRET, HASH, 'eu-1a')).toEqual(expected);
  });

  it('differs with the zone, the artifact and the secret', () => {
    const marks = [
      zoneMark(SECRET, HASH, 'a'),
      zoneMark(SECRET, HASH, 'b'),
      zoneMark(SECRET, Buffer.alloc(32, 2), 'a'),
      zoneMark(Buffer.alloc(32, 8), HASH, 'a'),
    ];
    expect(new Set(marks.map((mark) => mark.toString('hex'))).size).toBe(marks.length);
  });
});
