import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Debian's interpreter: the one that python3-libtorrent belongs to. */
const PYTHON = '/usr/bin/python3';
const SCRIPT = fileURLToPath(new URL('metainfo-oracle.py', import.meta.url));

export interface OracleFile {
  readonly path: readonly string[];
  readonly length: number;
  readonly executable: boolean;
  readonly symlink: readonly string[] | null;
}

export interface OracleCase {
  /** Holds the content as `<name>`, and our torrent as `ours.torrent`. */
  readonly folder: string;
  readonly name: string;
  readonly single: boolean;
  readonly format: string;
  readonly pieceLength: number;
  readonly files: readonly OracleFile[];
  /** False when libtorrent shall only load ours. */
  readonly create: boolean;
}

export interface OracleAnswer {
  /** Bencode in hex. */
  readonly made: {
    readonly info: string;
    readonly layers: string;
    readonly torrent: string;
  } | null;
  readonly loaded: {
    readonly v1: string | null;
    readonly v2: string | null;
    readonly private: boolean;
    readonly pieces: number;
    /** Paths and symlink targets as one text, beginning with the torrent's name. */
    readonly files: readonly {
      readonly path: string;
      readonly length: number;
      readonly executable: boolean;
      readonly symlink: string | null;
    }[];
  };
}

/** Asks one libtorrent process about all cases. */
export function askOracle(cases: readonly OracleCase[]): OracleAnswer[] {
  const { status, stdout, stderr } = spawnSync(PYTHON, [SCRIPT], {
    input: JSON.stringify(cases),
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
    timeout: 90_000,
  });
  if (status !== 0) throw new Error(`The oracle failed: ${stderr}`);
  return JSON.parse(stdout) as OracleAnswer[];
}
