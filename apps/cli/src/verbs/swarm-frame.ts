import { PIECE_BUCKETS, type PeerFrame, type SwarmFrame } from '#lib/contracts';

import { bytesText, percentText, rateText, timeText } from '../output/quantities.js';
import { table } from '../output/table.js';

/** From nothing to all of a bucket. */
const SHADES = [' ', '░', '▒', '▓', '█'];

/** One second of a swarm: a line a peer, with its piece map and where its bytes came from. */
export function frameText(frame: SwarmFrame, columns: number): string {
  const labels = new Map(frame.peers.map((peer) => [peer.peer, peer.label]));
  const wide = columns >= 120;
  const rows = frame.peers.map((peer) => [
    peer.label,
    peer.role,
    percentText(peer.progress),
    mapText(peer, wide ? PIECE_BUCKETS : PIECE_BUCKETS / 4),
    rateText(peer.bytesPerSecondDown),
    rateText(peer.bytesPerSecondUp),
    sourcesText(peer, labels),
  ]);
  const titles = ['peer', 'role', 'has', 'pieces', 'down', 'up', 'from'];
  return `${timeText(frame.at)}  ${frame.artifact.slice(0, 12)}\n${table(titles, rows)}`;
}

/** A piece map in `cells` characters. */
export function mapText({ pieces }: Pick<PeerFrame, 'pieces'>, cells: number): string {
  const shares = Buffer.from(pieces, 'hex');
  const perCell = shares.length / cells;
  return Array.from({ length: cells }, (_, cell) => {
    const own = shares.subarray(cell * perCell, (cell + 1) * perCell);
    const mean = own.reduce((sum, share) => sum + share, 0) / own.length / 255;
    // Only nothing is blank, and only all is full.
    const shade = mean === 0 ? 0 : mean === 1 ? 4 : 1 + Math.floor(mean * 3);
    return SHADES[shade]!;
  }).join('');
}

function sourcesText({ from }: PeerFrame, labels: ReadonlyMap<string, string>): string {
  const top = from.toSorted((a, b) => b.bytes - a.bytes).slice(0, 3);
  return top.map(({ peer, bytes }) => `${labels.get(peer) ?? peer} ${bytesText(bytes)}`).join(', ');
}
