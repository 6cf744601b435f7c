import { FleetseedError } from '#lib/contracts';

import { bdecode } from '../bencode/bencode.decoder.js';
import { bencode } from '../bencode/bencode.encoder.js';
import type { BencodeInput } from '../bencode/bencode.types.js';
import { buildFromMemory, someBytes } from './metainfo.fixture.js';
import { parseMetainfo } from './metainfo.parser.js';
import type { MetainfoFormat } from './metainfo.types.js';

export type Dict = Map<string, BencodeInput>;
export type Change = (info: Dict, outer: Dict) => void;

export const HUGE = 2 ** 53 - 1;
const files = [
  { path: ['a'], content: someBytes(40_000) },
  { path: ['d', 'b'], content: someBytes(5, 2) },
  { path: ['l'], symlink: ['d', 'b'] },
  { path: ['z'], content: someBytes(20_000, 3) },
];
/** One small artifact in every format: what is made hostile. */
export const built = {
  v1: buildFromMemory({ name: 't', files, format: 'v1' }),
  v2: buildFromMemory({ name: 't', files, format: 'v2' }),
  hybrid: buildFromMemory({ name: 't', files, format: 'hybrid' }),
};

/** Its metainfo with a change. */
export function changed(format: MetainfoFormat, change: Change): Buffer {
  const outer = bdecode(built[format].metainfoBytes) as Dict;
  change(outer.get('info') as Dict, outer);
  return bencode(outer);
}

/** The code that parsing fails with; undefined when it does not, and the text of what is no error of ours. */
export function codeOf(
  bytes: Uint8Array,
  parse: (bytes: Uint8Array) => unknown = parseMetainfo,
): string | undefined {
  try {
    parse(bytes);
    return undefined;
  } catch (error) {
    return error instanceof FleetseedError ? error.code : String(error);
  }
}

/** The node of a path in the file tree. */
export function node(info: Dict, ...path: string[]): Dict {
  let at = info.get('file tree') as Dict;
  for (const component of path) at = at.get(component) as Dict;
  return at;
}

export const dict = (...entries: [string, BencodeInput][]): Dict => new Map(entries);
