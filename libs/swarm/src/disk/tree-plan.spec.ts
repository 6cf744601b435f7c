import { describe, expect, it } from 'vitest';

import { encodeTreeDocument, parseTreeDocument } from './tree-document.js';
import { planTree, type TreeFile } from './tree-plan.js';

function file(path: string, length = 1): TreeFile {
  return { path: path.split('/'), length, executable: false, symlink: null };
}

function link(path: string, target: string): TreeFile {
  return { path: path.split('/'), length: 0, executable: false, symlink: target.split('/') };
}

function plan(files: TreeFile[], links: Record<string, string> = {}, emptyFolders: string[] = []) {
  return planTree({ single: false, files }, { v: 1, links, emptyFolders });
}

describe('planTree', () => {
  it('writes links relative to where they are', () => {
    const { links } = plan([
      file('lib/v1/so'),
      link('lib/v1/same', 'lib/v1/so'),
      link('bin/x/up', 'lib/v1/so'),
      link('top', 'lib/v1'),
    ]);
    expect(Object.fromEntries(links)).toEqual({
      'lib/v1/same': 'so',
      'bin/x/up': '../../lib/v1/so',
      top: 'lib/v1',
    });
  });

  it('takes the exact text of a link, empty folders and empty files', () => {
    const made = plan([file('a/zero', 0), link('a/l', 'a/zero')], { 'a/l': './/zero' }, ['b/c']);
    expect(made).toEqual({
      emptyFiles: [['a', 'zero']],
      emptyFolders: [['b', 'c']],
      links: new Map([['a/l', './/zero']]),
    });
  });

  it('leaves out what describes the artifact', () => {
    expect(plan([file('.fleetseed/tree.json', 0), file('a')]).emptyFiles).toEqual([]);
  });

  it.each([
    ['/etc/passwd', 'absolute'],
    ['../x', 'outside'],
    ['a/../../x', 'outside'],
    ['', 'not a path'],
  ])('refuses a link to %j', (text, reason) => {
    expect(() => plan([file('f')], { l: text })).toThrow(reason);
  });

  it('follows links on the way of a link, as the kernel would', () => {
    // `deep/up` is the root itself, so `deep/up/..` is outside, although it looks like `deep`.
    const links = { 'deep/up': '..', escape: 'deep/up/..' };
    expect(() => plan([file('deep/f')], links)).toThrow('outside');
    expect(plan([file('deep/f')], { 'deep/up': '..', fine: 'deep/up/deep' }).links.size).toBe(2);
  });

  it('lets links loop, which lead nowhere', () => {
    expect(plan([file('f')], { a: 'b', b: 'a' }).links.size).toBe(2);
  });

  it('refuses whatever would be made below a link or in the place of a file', () => {
    expect(() => plan([file('l/f')], { l: 'other' })).toThrow('link is in the way');
    expect(() => plan([file('f')], { l: 'o', 'l/m': 'o' })).toThrow('link is in the way');
    expect(() => plan([file('f')], { l: 'o' }, ['l/d'])).toThrow('link is in the way');
    expect(() => plan([file('f')], { l: 'o' }, ['l'])).toThrow('link');
    expect(() => plan([file('f')], { f: 'o' })).toThrow('file is in the way');
    expect(() => plan([file('f')], {}, ['f/d'])).toThrow('file is in the way');
  });

  it.each(['..', '../x', 'a//b', './a', '/a', 'a\0', '.fleetseed/x'])(
    'refuses the empty folder %j',
    (folder) => {
      expect(() => plan([file('f')], {}, [folder])).toThrow('cannot be made');
    },
  );
});

describe('the description of a tree', () => {
  it('comes back from its bytes, which are the same for the same tree', () => {
    const bytes = encodeTreeDocument({ emptyFolders: ['b', 'a'], links: { z: '1', y: '2' } });
    const again = encodeTreeDocument({ emptyFolders: ['a', 'b'], links: { y: '2', z: '1' } });
    expect(bytes).toEqual(again);
    expect(parseTreeDocument(bytes)).toEqual({
      v: 1,
      emptyFolders: ['a', 'b'],
      links: { y: '2', z: '1' },
    });
  });

  it.each(['', '[]', '{"v":2}', '{"v":1,"links":{"a":1}}', '\xff'])('refuses %j', (text) => {
    expect(() => parseTreeDocument(Buffer.from(text, 'latin1'))).toThrow('description of the tree');
  });

  it('keeps fields that it does not know', () => {
    expect(parseTreeDocument(Buffer.from('{"v":1,"more":2}'))).toMatchObject({ more: 2 });
  });
});
