import type { PeerFrame } from '#lib/contracts';

/**
 * The origin is one peer to those who look, whichever of its replicas gave: their frames as one. What
 * any of them holds the origin holds.
 */
export function originFrameOf(frames: readonly PeerFrame[]): PeerFrame | null {
  const [first] = frames;
  if (!first || frames.length === 1) return first ?? null;
  return {
    ...first,
    label: `${first.label} (${frames.length} replicas)`,
    pieces: mostOf(frames.map(({ pieces }) => Buffer.from(pieces, 'hex'))),
    progress: Math.max(...frames.map(({ progress }) => progress)),
    bytesPerSecondDown: sum(frames.map((each) => each.bytesPerSecondDown)),
    bytesPerSecondUp: sum(frames.map((each) => each.bytesPerSecondUp)),
  };
}

function mostOf(maps: readonly Buffer[]): string {
  const [first] = maps;
  return Buffer.from(first!.map((_, at) => Math.max(...maps.map((map) => map[at]!)))).toString(
    'hex',
  );
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
