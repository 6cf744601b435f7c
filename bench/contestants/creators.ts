import { join } from 'node:path';

import { versionOf, type Words } from '../net/command.ts';
import { FLEETSEED, fleetseedVersion } from './fleetseed-origin.ts';
import { LIBTORRENT_VERSION, PYTHON } from './libtorrent.ts';

const SCRIPT = join(import.meta.dirname, 'libtorrent_create.py');

export type Format = 'v1' | 'v2' | 'hybrid';

export interface Order {
  readonly path: string;
  readonly out: string;
  readonly format: Format;
  /** A power of two. */
  readonly pieceLength: number;
  readonly threads: number;
}

/** A program that makes a `.torrent`. */
export interface Creator {
  readonly name: string;
  /** Null when it is not installed. */
  readonly version: string | null;
  readonly debianPackage: string | null;
  readonly settings: string;
  readonly formats: readonly Format[];
  words(order: Order): Words;
}

export const CREATORS: readonly Creator[] = [
  {
    name: 'fleetseed',
    version: fleetseedVersion(),
    debianPackage: null,
    settings: '`torrent create`, from its start to its end',
    formats: ['v1', 'v2', 'hybrid'],
    words: ({ path, out, format, pieceLength }) => [
      [FLEETSEED, 'torrent', 'create', path, '--out', out, '--json'],
      ['--format', format, '--piece-length', String(pieceLength)],
    ],
  },
  {
    name: 'libtorrent',
    version: LIBTORRENT_VERSION,
    debianPackage: 'python3-libtorrent',
    settings:
      '`set_piece_hashes` from Python with its own settings, from start to end of the process',
    formats: ['v1', 'v2', 'hybrid'],
    words: ({ path, out, format, pieceLength }) => [
      PYTHON,
      SCRIPT,
      path,
      out,
      format,
      String(pieceLength),
    ],
  },
  {
    name: 'mktorrent',
    version: versionOf(/mktorrent (\S+)/, 'mktorrent', '-h'),
    debianPackage: 'mktorrent',
    settings: 'a thread a core',
    formats: ['v1'],
    words: ({ path, out, pieceLength, threads }) => [
      ['mktorrent', '-a', 'http://127.0.0.1/announce', '-t', String(threads)],
      ['-l', String(Math.log2(pieceLength)), '-o', out, path],
    ],
  },
];
