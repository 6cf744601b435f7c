import { availableParallelism } from 'node:os';

import { z } from 'zod';

import {
  AppName,
  ChannelName,
  ChannelState,
  FleetseedError,
  StartUpload,
  TorrentFormat,
  VersionName,
  type Release,
} from '#lib/contracts';
import { HashPool } from '#lib/swarm';
import { checkPieceLength } from '#lib/torrent';

import { route } from '../connection/route.js';
import type { Invocation } from '../invocation.js';
import { bytesText, durationText } from '../output/quantities.js';
import { hashTree, type HashedEntry } from '../tree/hash-tree.js';
import { scanPath } from '../tree/scan-path.js';
import type { ScannedTree } from '../tree/tree.types.js';
import { PartReader } from '../upload/part.reader.js';
import { patiently, uploadRelease, type UploadWatcher } from '../upload/upload.session.js';
import { checkArgument, parseBytes, parseCount } from './arguments.js';

export interface PushOptions {
  readonly app: string;
  readonly version: string;
  readonly channel?: string;
  readonly name?: string;
  readonly format?: string;
  readonly pieceLength?: string;
  readonly parallel: string;
  readonly direct?: boolean;
}

/** Scans, hashes, uploads what is lacking, and moves the channel when it is published. */
export async function push(call: Invocation<PushOptions>, path: string): Promise<void> {
  const wanted = readOptions(call.options);
  const { signal } = call;
  const api = call.origin();
  // Before gigabytes are hashed: is anybody there, and do they know us?
  await api.get('/whoami', z.unknown());
  const { tree, hashed } = await scanAndHash(call, path);

  const watcher = watchUpload(call, tree.bytes);
  const { upload, sentBytes } = await uploadRelease({
    api,
    connection: call.connection(),
    app: wanted.app,
    request: requestOf(wanted, tree, hashed),
    reader: new PartReader(hashed),
    parallel: wanted.parallel,
    watcher,
    signal,
  });
  watcher.end();
  const release = upload.release;
  if (!release) throw new FleetseedError('INTERNAL', 'The origin published no release.');
  if (wanted.channel !== undefined) await moveChannel(call, watcher, release, wanted.channel);
  report(call, release, sentBytes, wanted.channel);
}

function readOptions(options: PushOptions) {
  const { channel, pieceLength, format } = options;
  return {
    app: checkArgument(AppName, options.app, '--app'),
    version: checkArgument(VersionName, options.version, '--version'),
    channel: channel === undefined ? undefined : checkArgument(ChannelName, channel, '--channel'),
    name: options.name,
    format: format === undefined ? undefined : checkArgument(TorrentFormat, format, '--format'),
    pieceLength:
      pieceLength === undefined
        ? undefined
        : checkPieceLength(parseBytes(pieceLength, '--piece-length')),
    parallel: parseCount(options.parallel, '--parallel', 1, 32),
    direct: options.direct ?? false,
  };
}

async function scanAndHash(
  call: Invocation<PushOptions>,
  path: string,
): Promise<{ readonly tree: ScannedTree; readonly hashed: HashedEntry[] }> {
  const { signal } = call;
  const pool = new HashPool({ threads: availableParallelism() });
  // Its threads start while the tree is listed.
  pool.prepare();
  const progress = call.output.progress('hashing');
  try {
    const tree = scanPath(path, { manifest: true, signal });
    const onProgress = (bytes: number) => progress.update(bytes, tree.bytes);
    return { tree, hashed: await hashTree(tree.entries, pool, { signal, onProgress }) };
  } finally {
    progress.clear();
    await pool.close();
  }
}

function requestOf(
  wanted: ReturnType<typeof readOptions>,
  tree: ScannedTree,
  hashed: readonly HashedEntry[],
): StartUpload {
  const name = wanted.name ?? (tree.single ? tree.baseName : wanted.app);
  return checkArgument(
    StartUpload,
    {
      version: wanted.version,
      name,
      single: tree.single,
      format: wanted.format ?? (tree.single ? 'hybrid' : 'v2'),
      ...(wanted.pieceLength === undefined ? {} : { pieceLength: wanted.pieceLength }),
      ...(wanted.direct ? { direct: true } : {}),
      files: hashed.map(({ path, length, root, executable, symlink }) => ({
        path: tree.single ? [name] : path,
        length,
        root: root?.toString('hex') ?? null,
        executable,
        ...(symlink === null ? {} : { symlink }),
      })),
    },
    'what is pushed',
  );
}

function watchUpload(
  { output }: Invocation<PushOptions>,
  bytes: number,
): UploadWatcher & { end(): void } {
  const progress = output.progress('uploading');
  const publishing = output.progress('publishing');
  return {
    sending(sent, lacking, known) {
      if (lacking === 0) return;
      progress.update(sent, lacking, known > 0 ? `${bytesText(known)} there already` : '');
    },
    retrying(error, delayMs) {
      progress.clear();
      const reason = error instanceof Error ? error.message : String(error);
      output.note(`trying again in ${durationText(delayMs / 1000)}: ${reason}`);
    },
    publishing: (done) => publishing.update(done * bytes, bytes),
    end() {
      progress.clear();
      publishing.clear();
    },
  };
}

async function moveChannel(
  call: Invocation<PushOptions>,
  watcher: UploadWatcher,
  { app, version }: Release,
  channel: string,
): Promise<void> {
  const path = route`/apps/${app}/channels/${channel}`;
  await patiently(call.signal, watcher, () =>
    call.origin().send('PUT', path, { version }, ChannelState),
  );
}

/** The keys of the JSON form are a contract with programs outside: neither more nor fewer. */
function report(
  call: Invocation<PushOptions>,
  release: Release,
  uploadedBytes: number,
  channel: string | undefined,
): void {
  const { app, version, artifact, infoHashV1, infoHashV2, bytes, pieces, pieceLength } = release;
  const result = {
    app,
    version,
    artifact,
    infoHashV1,
    infoHashV2,
    bytes,
    pieces,
    pieceLength,
    uploadedBytes,
  };
  call.output.result(result, () => {
    const where = channel === undefined ? '' : `, channel ${channel} moved to it`;
    const sent = `${bytesText(uploadedBytes)} of ${bytesText(bytes)} sent`;
    return `pushed ${app}@${version} (${artifact.slice(0, 12)}, ${sent}${where})`;
  });
}
