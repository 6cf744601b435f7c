import type { Session, Torrent } from '#lib/swarm';

import type { Output } from '../output/output.js';
import { bytesText } from '../output/quantities.js';

/** What is known of the one torrent of a session. */
function onlyTorrent(session: Session): Torrent | null {
  const [torrent] = session.torrents;
  return torrent ?? null;
}

/** Draws how far a pull is and where its bytes come from. */
export class PullDisplay {
  private readonly progress;

  constructor(
    output: Output,
    private readonly session: Session,
    private readonly total: number,
  ) {
    this.progress = output.progress('pulling');
  }

  update(haveBytes: number): void {
    this.progress.update(haveBytes, this.total, this.#sources());
  }

  clear(): void {
    this.progress.clear();
  }

  #sources(): string {
    const stats = onlyTorrent(this.session)?.stats();
    if (!stats) return '';
    const { fromOrigin, fromWebSeed, fromPeers, fromStrangers } = stats.bytes;
    const origin = bytesText(fromOrigin + fromWebSeed);
    const peers = bytesText(fromPeers + fromStrangers);
    const count = stats.neighbours.length;
    return `origin ${origin}, peers ${peers}, ${count} ${count === 1 ? 'neighbour' : 'neighbours'}`;
  }
}

/** Payload bytes that came from anywhere, to tell silence from slowness. */
export function receivedBytes(session: Session): number {
  const bytes = onlyTorrent(session)?.stats().bytes;
  if (!bytes) return 0;
  return bytes.fromOrigin + bytes.fromPeers + bytes.fromStrangers + bytes.fromWebSeed;
}
