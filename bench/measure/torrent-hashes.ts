import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';

const SHA1 = 20;

/** What is hashed in a `.torrent`, to see whether two of them say the same of the same content. */
export interface TorrentHashes {
  readonly v1Pieces: number;
  /** Of the SHA-1 hashes of all pieces, in the order of the files. */
  readonly v1: string;
  /** Of the v2 roots of all files, which every program has in the order of their names. */
  readonly v2: string;
}

export function torrentHashes(file: string): TorrentHashes {
  const bytes = readFileSync(file);
  const v1 = v1Hashes(bytes);
  return { v1Pieces: v1.length / SHA1, v1: hash('sha256', v1), v2: hash('sha256', v2Roots(bytes)) };
}

function v1Hashes(torrent: Buffer): Buffer {
  const text = torrent.toString('latin1');
  const key = /6:pieces(\d+):/.exec(text);
  if (!key) return Buffer.alloc(0);
  const begin = key.index + key[0].length;
  return torrent.subarray(begin, begin + Number(key[1]));
}

function v2Roots(torrent: Buffer): Buffer {
  const text = torrent.toString('latin1');
  const roots = [...text.matchAll(/11:pieces root32:([^]{32})/g)].map(([, root]) => root!);
  return Buffer.from(roots.join(''), 'latin1');
}
