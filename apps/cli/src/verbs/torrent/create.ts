import { availableParallelism } from 'node:os';

import { FleetseedError } from '#lib/contracts';
import { HashPool } from '#lib/swarm';
import {
  buildMetainfo,
  checkPieceLength,
  defaultPieceLength,
  parseMetainfo,
  withAnnounce,
  type MetainfoFormat,
} from '#lib/torrent';

import type { Invocation } from '../../invocation.js';
import { printable } from '../../output/printable.js';
import { bytesText } from '../../output/quantities.js';
import { hashTorrent, type TorrentLayout } from '../../tree/hash-torrent.js';
import { scanPath } from '../../tree/scan-path.js';
import type { ScannedTree } from '../../tree/tree.types.js';
import { parseBytes } from '../arguments.js';
import { writeTorrent } from './write-torrent.js';

export interface CreateOptions {
  readonly out: string;
  readonly pieceLength?: string;
  readonly format?: string;
  readonly tracker?: readonly string[];
  readonly name?: string;
  readonly public?: boolean;
}

const FORMATS = ['v1', 'v2', 'hybrid'] as const;

/** Deterministic: the same content, name, piece length and format give the same bytes. */
export async function create(call: Invocation<CreateOptions>, path: string): Promise<void> {
  const { options } = call;
  const asked = options.format === undefined ? undefined : checkFormat(options.format);
  const trackers = (options.tracker ?? []).map((url) => [checkTracker(url)]);
  const given = options.pieceLength;
  const pieceLength =
    given === undefined ? undefined : checkPieceLength(parseBytes(given, '--piece-length'));
  // Its threads start while the tree is listed.
  const pool = new HashPool({ threads: availableParallelism() });
  pool.prepare();
  try {
    await createWith(pool, call, path, { trackers, pieceLength, format: asked });
  } finally {
    await pool.close();
  }
}

interface Asked {
  readonly trackers: string[][];
  readonly pieceLength: number | undefined;
  readonly format: MetainfoFormat | undefined;
}

async function createWith(
  pool: HashPool,
  call: Invocation<CreateOptions>,
  path: string,
  { trackers, pieceLength, format: asked }: Asked,
): Promise<void> {
  const { options } = call;
  const tree = scanPath(path, { manifest: false, signal: call.signal });
  noteUnsaid(call, tree);

  const layout: TorrentLayout = {
    name: options.name ?? tree.baseName,
    pieceLength: pieceLength ?? defaultPieceLength(tree.bytes),
    format: asked ?? (tree.single ? 'hybrid' : 'v2'),
  };
  const built = await build(pool, call, tree, layout);
  const bytes = trackers.length > 0 ? withAnnounce(built, trackers) : built;
  // What was written is what is told: read back by the parser that everybody else uses.
  const metainfo = parseMetainfo(bytes);
  await writeTorrent(options.out, bytes);
  const { name, format } = layout;
  const result = {
    name,
    format,
    infoHashV1: metainfo.infoHashV1?.toString('hex') ?? null,
    infoHashV2: metainfo.infoHashV2?.toString('hex') ?? null,
    bytes: metainfo.length,
    files: metainfo.files.length,
    pieces: metainfo.pieceCount,
    pieceLength: layout.pieceLength,
    out: options.out,
  };
  call.output.result(
    result,
    () =>
      `wrote ${options.out}: ${printable(name)}, ${format}, ${bytesText(tree.bytes)}, ${result.pieces} pieces`,
  );
}

async function build(
  pool: HashPool,
  call: Invocation<CreateOptions>,
  tree: ScannedTree,
  layout: TorrentLayout,
): Promise<Buffer> {
  const progress = call.output.progress('hashing');
  try {
    const { files, piecesV1 } = await hashTorrent(tree, pool, layout, {
      signal: call.signal,
      onProgress: (done) => progress.update(done, tree.bytes),
    });
    return buildMetainfo({
      ...layout,
      files,
      single: tree.single,
      private: call.options.public !== true,
      ...(piecesV1 === null ? {} : { piecesV1 }),
    }).metainfoBytes;
  } finally {
    progress.clear();
  }
}

function checkFormat(text: string): MetainfoFormat {
  const format = FORMATS.find((each) => each === text);
  if (format) return format;
  const said = JSON.stringify(text);
  throw new FleetseedError(
    'USAGE',
    `--format ${said} cannot be used: it must be v1, v2 or hybrid.`,
  );
}

function checkTracker(url: string): string {
  const { protocol } = URL.parse(url) ?? {};
  if (protocol === 'http:' || protocol === 'https:' || protocol === 'udp:') return url;
  throw new FleetseedError('USAGE', `--tracker "${url}" is not an http, https or udp URL.`);
}

function noteUnsaid(call: Invocation<CreateOptions>, { unsaid }: ScannedTree): void {
  if (unsaid.length === 0) return;
  const named = unsaid.slice(0, 5).map((path) => JSON.stringify(path));
  const more = unsaid.length > named.length ? ', …' : '';
  call.output.note(
    `note: a torrent cannot say everything about ${named.join(', ')}${more} (empty folders, exact link texts); a push can`,
  );
}
