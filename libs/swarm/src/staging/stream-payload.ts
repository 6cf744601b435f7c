import { once } from 'node:events';

import { untilAborted } from '#lib/runtime';
import { PieceMap, RunTable, type Metainfo } from '#lib/torrent';

import { Bitfield } from '../bitfield.js';
import { WindowStore } from '../disk/window-store.js';
import { PayloadLayout } from '../policy/payload.layout.js';
import { RunWindow } from '../policy/run.window.js';
import type { Session } from '../session/session.js';
import type { Torrent } from '../torrent/torrent.js';
import type { TorrentBytes } from '../torrent/torrent.types.js';
import { accessOptions, type SwarmAccess } from './swarm-access.js';

/** The reader gets no more at a time, bytes. */
const CHUNK = 1024 * 1024;

export interface StreamOptions {
  readonly session: Session;
  readonly metainfo: Metainfo;
  /** Index into `metainfo.files` of what is read. */
  readonly file: number;
  readonly access: SwarmAccess;
  /** Takes verified bytes, in order; they are its own until it resolves. What it rejects with ends it all. */
  readonly write: (bytes: Uint8Array) => Promise<void>;
  readonly signal: AbortSignal;
  /** Called a few times a second; `passedBytes` of the file were written. */
  readonly onProgress?: (passedBytes: number) => void;
}

/**
 * Reads a file of an artifact from the swarm, from its begin to its end. It is nowhere kept: what is
 * verified and not written yet waits in a window in memory, and while that is full nothing is
 * requested. Other members get from the window what they lack.
 *
 * @returns where the payload came from
 * @throws what `write` rejects with, what ends the torrent, or the signal's reason
 */
export async function streamPayload(options: StreamOptions): Promise<TorrentBytes> {
  const { session, metainfo, access, signal, onProgress } = options;
  const { firstPiece, pieceCount, length } = metainfo.files[options.file]!;
  const pieces = new PieceMap(metainfo);
  const layout = new PayloadLayout(pieces, new RunTable(pieces));
  const begin = layout.offsetOfPiece(firstPiece);
  const window = new RunWindow(layout, { begin, end: begin + length });
  const store = new WindowStore(layout.length, window);
  const wanted = new Bitfield(pieces.pieceCount);
  wanted.setRange(firstPiece, pieceCount);
  const torrent = session.add({ ...accessOptions(access), metainfo, store, wanted, window });
  torrent.addPeers(access.peers);
  const tell = () => onProgress?.(window.position - begin);
  torrent.on('progress', tell);
  try {
    await untilAborted(passAll(torrent, window, store, options.write), signal);
    return torrent.stats().bytes;
  } finally {
    torrent.off('progress', tell);
    await session.remove(torrent);
    await store.close();
  }
}

async function passAll(
  torrent: Torrent,
  window: RunWindow,
  store: WindowStore,
  write: (bytes: Uint8Array) => Promise<void>,
): Promise<void> {
  const { pieces, layout, have } = torrent;
  for (let piece = pieceAt(torrent, window.position); window.position < window.end;) {
    while (!have.get(piece)) await newsOf(torrent);
    const { position } = window;
    let end = position;
    while (end < window.end && end - position < CHUNK && have.get(piece)) {
      end = layout.offsetOfPiece(piece) + pieces.lengthOf(piece);
      piece++;
    }
    while (window.position < end) {
      const view = store.view(window.position, Math.min(CHUNK, end - window.position));
      await write(view);
      torrent.passOn(window.position + view.length);
    }
  }
}

/** Resolves when pieces were verified. @throws why the torrent failed; `once` hears of it, too */
async function newsOf(torrent: Torrent): Promise<void> {
  if (torrent.state === 'failed') await torrent.done;
  else await once(torrent, 'verified');
}

function pieceAt({ layout }: Torrent, offset: number): number {
  let [low, high] = [0, layout.pieceCount - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (layout.offsetOfPiece(middle) <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}
