import { describe, expect, it } from 'vitest';

import { manifestBytes } from './tree-manifest.js';

describe('the manifest of a tree', () => {
  it('is not there when there is nothing to say', () => {
    expect(manifestBytes({ emptyFolders: [], links: [] })).toBeNull();
  });

  it('has the same bytes in whatever order things were found', () => {
    const emptyFolders = [['b'], ['a', 'ä'], ['a', 'z']];
    const links = [
      { path: ['10'], text: './b' },
      { path: ['9'], text: 'b/' },
      { path: ['"q"'], text: '\u001b' },
    ];
    const bytes = manifestBytes({ emptyFolders, links })!;
    const reversed = { emptyFolders: emptyFolders.toReversed(), links: links.toReversed() };
    expect(manifestBytes(reversed)).toEqual(bytes);
    expect(bytes.toString()).toBe(
      '{"v":1,"emptyFolders":["a/z","a/ä","b"],"links":{"\\"q\\"":"\\u001b","10":"./b","9":"b/"}}\n',
    );
    expect(JSON.parse(bytes.toString())).toMatchObject({ v: 1, links: { '10': './b' } });
  });
});
