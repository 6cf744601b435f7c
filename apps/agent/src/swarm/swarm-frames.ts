import { ORIGIN_PEER, pieceMapHex, type SwarmFrameReport } from '#lib/contracts';
import type { Torrent, TorrentStats } from '#lib/swarm';

const MOST_NEIGHBOURS = 64;

/** What this agent shows of a swarm while somebody watches it: itself, and what came from whom. */
export class SwarmFrames {
  /** Bytes received from each neighbour at the frame before. */
  #received = new Map<string, number>();

  constructor(
    private readonly artifact: string,
    private readonly target: string,
    private readonly hostname: string,
  ) {}

  take(torrent: Torrent): SwarmFrameReport {
    const stats = torrent.stats();
    return {
      artifact: this.artifact,
      frame: {
        peer: this.target,
        label: this.hostname,
        role: 'agent',
        pieces: pieceMapHex(stats.pieceMap),
        progress: torrent.have.size === 0 ? 1 : torrent.have.count / torrent.have.size,
        bytesPerSecondDown: stats.downRate,
        bytesPerSecondUp: stats.upRate,
        from: this.#since(stats),
      },
    };
  }

  #since({ neighbours }: TorrentStats): { peer: string; bytes: number }[] {
    const before = this.#received;
    this.#received = new Map(neighbours.map((each) => [nameOf(each), each.received]));
    return [...this.#received]
      .map(([peer, bytes]) => ({ peer, bytes: bytes - (before.get(peer) ?? 0) }))
      .filter(({ bytes }) => bytes > 0)
      .slice(0, MOST_NEIGHBOURS);
  }
}

function nameOf({ role, target, host, port }: TorrentStats['neighbours'][number]): string {
  if (role === 'origin' || role === 'web-seed') return ORIGIN_PEER;
  return target ?? (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`);
}
