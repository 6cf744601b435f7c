import { ORIGIN_PEER, pieceMapHex, type PeerFrame } from '#lib/contracts';
import type { NeighbourStats, TorrentStats } from '#lib/swarm';

const SHOWN_STRANGERS = 64;

/** What the origin shows of a swarm: itself, and the strangers it serves, who show nothing themselves. */
export class OriginFrames {
  /** Bytes sent to each stranger when it was last looked at. */
  #sent = new Map<string, number>();

  take(stats: TorrentStats, pieceCount: number): PeerFrame[] {
    const strangers = stats.neighbours
      .filter(({ role }) => role === 'stranger')
      .slice(0, SHOWN_STRANGERS);
    const frames = strangers.map((each) => this.#stranger(each, pieceCount));
    this.#sent = new Map(strangers.map((each) => [nameOf(each), each.sent]));
    return [originFrame(stats), ...frames];
  }

  #stranger(neighbour: NeighbourStats, pieceCount: number): PeerFrame {
    const peer = nameOf(neighbour);
    const bytes = neighbour.sent - (this.#sent.get(peer) ?? 0);
    const progress = pieceCount > 0 ? neighbour.pieces / pieceCount : 1;
    return {
      peer,
      label: neighbour.client ?? peer,
      role: 'stranger',
      // Which pieces it holds is not kept per bucket: how many, spread evenly.
      pieces: pieceMapHex([progress]),
      progress,
      bytesPerSecondDown: neighbour.upRate,
      bytesPerSecondUp: neighbour.downRate,
      from: bytes > 0 ? [{ peer: ORIGIN_PEER, bytes }] : [],
    };
  }
}

function originFrame(stats: TorrentStats): PeerFrame {
  return {
    peer: ORIGIN_PEER,
    label: ORIGIN_PEER,
    role: 'origin',
    pieces: pieceMapHex(stats.pieceMap),
    progress: stats.wantedBytes > 0 ? stats.haveBytes / stats.wantedBytes : 1,
    bytesPerSecondDown: 0,
    bytesPerSecondUp: stats.upRate,
    from: [],
  };
}

function nameOf({ host, port }: NeighbourStats): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
