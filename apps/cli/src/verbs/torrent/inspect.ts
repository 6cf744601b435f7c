import { open } from 'node:fs/promises';

import { FleetseedError, systemErrorCode } from '#lib/contracts';
import { MAX_METAINFO_BYTES, parseMetainfo, type ArtifactFile, type Metainfo } from '#lib/torrent';

import type { Invocation } from '../../invocation.js';
import { bytesText, timeText } from '../../output/quantities.js';
import { facts, table } from '../../output/table.js';

/** People are shown this many files; `--json` has all. */
const SHOWN_FILES = 100;

export async function inspect(call: Invocation, file: string): Promise<void> {
  const metainfo = parseMetainfo(await readTorrent(file));
  call.output.result(describe(metainfo), () => textOf(metainfo));
}

/** What `--json` prints; hashes are lower-case hex, sizes bytes. */
export function describe(metainfo: Metainfo) {
  const { infoHashV1, infoHashV2 } = metainfo;
  return {
    name: metainfo.name,
    format: formatOf(metainfo),
    infoHashV1: infoHashV1?.toString('hex') ?? null,
    infoHashV2: infoHashV2?.toString('hex') ?? null,
    private: metainfo.private,
    single: metainfo.single,
    bytes: metainfo.length,
    pieces: metainfo.pieceCount,
    pieceLength: metainfo.pieceLength,
    files: metainfo.files.map((file) => ({
      path: file.path.join('/'),
      length: file.length,
      root: file.root?.toString('hex') ?? null,
      executable: file.executable,
      symlink: file.symlink?.join('/') ?? null,
    })),
    announce: metainfo.announce,
    webSeeds: metainfo.webSeeds,
    comment: metainfo.comment ?? null,
    createdBy: metainfo.createdBy ?? null,
    creationDate: metainfo.creationDate ?? null,
  };
}

function formatOf({ infoHashV1, infoHashV2 }: Metainfo): 'v1' | 'v2' | 'hybrid' {
  if (infoHashV2 === null) return 'v1';
  return infoHashV1 === null ? 'v2' : 'hybrid';
}

function textOf(metainfo: Metainfo): string {
  const { files, announce, webSeeds, creationDate } = metainfo;
  const known = describe(metainfo);
  const about = facts({
    name: metainfo.name,
    format: `${known.format}${metainfo.private ? ', private' : ''}`,
    ...(known.infoHashV1 === null ? {} : { 'v1 hash': known.infoHashV1 }),
    ...(known.infoHashV2 === null ? {} : { 'v2 hash': known.infoHashV2 }),
    content: `${bytesText(metainfo.length)} in ${files.length} ${files.length === 1 ? 'file' : 'files'}`,
    pieces: `${metainfo.pieceCount} of ${bytesText(metainfo.pieceLength)}`,
    ...(announce.length === 0 ? {} : { trackers: announce.flat().join(' ') }),
    ...(webSeeds.length === 0 ? {} : { 'web seeds': webSeeds.join(' ') }),
    ...(metainfo.comment === undefined ? {} : { comment: metainfo.comment }),
    ...(metainfo.createdBy === undefined ? {} : { 'made by': metainfo.createdBy }),
    ...(creationDate === undefined ? {} : { 'made at': dateText(creationDate) }),
  });
  const rows = files
    .slice(0, SHOWN_FILES)
    .map((file) => [bytesText(file.length), kindOf(file), file.path.join('/')]);
  const more = files.length > SHOWN_FILES ? `\n… and ${files.length - SHOWN_FILES} more` : '';
  return `${about}\n\n${table(['size', '', 'path'], rows)}${more}`;
}

/** The date of a torrent is any number that somebody wrote there. */
function dateText(seconds: number): string {
  return seconds >= 0 && seconds < 8.64e12 ? timeText(seconds * 1000) : String(seconds);
}

function kindOf(file: ArtifactFile): string {
  if (file.symlink !== null) return `-> ${file.symlink.join('/')}`;
  return file.executable ? 'x' : '';
}

/** Bounded before it is read: the path may name anything. */
async function readTorrent(path: string): Promise<Buffer> {
  try {
    await using file = await open(path, 'r');
    const { size } = await file.stat();
    if (size > MAX_METAINFO_BYTES) {
      const text = `${path} has ${size} bytes; a torrent may have ${MAX_METAINFO_BYTES}.`;
      throw new FleetseedError('METAINFO_TOO_LARGE', text);
    }
    return await file.readFile();
  } catch (error) {
    if (error instanceof FleetseedError) throw error;
    const code = systemErrorCode(error);
    const kind = code === 'ENOENT' ? 'NOT_FOUND' : 'DISK_IO';
    const text = code === 'ENOENT' ? 'is not there' : `cannot be read (${code ?? String(error)})`;
    throw new FleetseedError(kind, `${path} ${text}.`, { path }, { cause: error });
  }
}
