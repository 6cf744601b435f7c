import { posix } from 'node:path';

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { leadsOutside, plainLinkText, readLink } from './link-rules.js';

describe('reading a link', () => {
  it('resolves its text from the root of the tree', () => {
    expect(readLink(['bin', 'run'], '../lib/run.js')).toEqual({
      components: ['lib', 'run.js'],
      textDiffers: false,
    });
    expect(readLink(['a'], 'b')).toEqual({ components: ['b'], textDiffers: false });
  });

  it('notes a text that its components alone would not give back', () => {
    for (const text of ['./b', 'b/', 'x/../b', 'sub//c', '.', 'sub/..']) {
      expect(readLink(['a'], text)).toMatchObject({ textDiffers: text !== '.' });
    }
  });

  it('gives no components for a link to the root itself', () => {
    expect(readLink(['sub', 'up'], '..')).toEqual({ components: [], textDiffers: false });
  });

  it('refuses what is absolute, empty, or leads outside', () => {
    expect(readLink(['a'], '/etc/passwd')).toBe('is an absolute link (to /etc/passwd)');
    expect(readLink(['a'], '')).toBe('is a link to nothing');
    expect(readLink(['a'], '..')).toBe('is a link that leads outside (to ..)');
    expect(readLink(['s', 'a'], 'x/../../../s/x')).toContain('leads outside');
  });

  it('restores from components a link that means the same place', () => {
    const name = fc.constantFrom('a', 'b', 'c');
    const path = fc.array(name, { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(path, fc.array(name, { maxLength: 4 }), (link, components) => {
        const text = plainLinkText(link, components);
        expect(readLink(link, text)).toEqual({ components, textDiffers: false });
        expect(posix.join('/', ...link.slice(0, -1), text)).toBe(posix.join('/', ...components));
      }),
    );
  });
});

describe('following links', () => {
  it('sees a way out that only other links make', () => {
    // d/up is the root, so d/up/../x lies above it although its text stays inside.
    const links = new Map([['d/up', '..']]);
    expect(readLink(['y'], 'd/up/../x')).toMatchObject({ components: ['d', 'x'] });
    expect(leadsOutside(['y'], 'd/up/../x', links)).toBe(true);
    expect(leadsOutside(['y'], 'd/up/x', links)).toBe(false);
  });

  it('sees a way out of a target that does not exist yet', () => {
    expect(leadsOutside(['a', 'l'], 'm/../../../x', new Map())).toBe(true);
  });

  it('gives up on rings', () => {
    const links = new Map([
      ['a', 'b'],
      ['b', 'a'],
    ]);
    expect(leadsOutside(['a'], 'b', links)).toBe(false);
  });
});
