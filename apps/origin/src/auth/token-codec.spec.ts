import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { makeToken, matchesHash, parseToken, secretHash } from './token-codec.js';

describe('tokens', () => {
  it('tell their kind and id', () => {
    const api = makeToken('api');
    const join = makeToken('join');
    expect(parseToken(api.text)).toEqual({ kind: 'api', id: api.id });
    expect(parseToken(join.text)).toEqual({ kind: 'join', id: join.id });
    expect([api.text.slice(0, 4), join.text.slice(0, 4)]).toEqual(['fst_', 'fsj_']);
  });

  it('with any one character changed are refused without a look-up', () => {
    const { text } = makeToken('api');
    fc.assert(
      fc.property(
        fc.nat(text.length - 1),
        fc.constantFrom('a', 'Z', '0', '_', '-'),
        (at, letter) => {
          fc.pre(text[at] !== letter);
          expect(parseToken(text.slice(0, at) + letter + text.slice(at + 1))).toBeNull();
        },
      ),
    );
  });

  it('are known again by their hash alone', () => {
    const { text } = makeToken('api');
    expect(matchesHash(text, secretHash(text))).toBe(true);
    expect(matchesHash(`${text}0`, secretHash(text))).toBe(false);
    expect(matchesHash(text, 'no hash')).toBe(false);
  });
});
