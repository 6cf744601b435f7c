import { FleetseedError, type ChannelState, type MoveChannel, type Release } from '#lib/contracts';

export interface ChannelMove {
  readonly release: Release;
  readonly channel: string;
  readonly expectedSequence: MoveChannel['expectedSequence'];
  readonly by: string;
  readonly at: number;
}

/**
 * The next entry of a channel, or null when it points there already: a move that is repeated after a
 * lost answer finds its work done, whatever sequence it expects.
 * @throws PRECONDITION_FAILED when the channel is not at the expected sequence
 */
export function nextState(newest: ChannelState | null, move: ChannelMove): ChannelState | null {
  if (newest?.version === move.release.version) return null;
  const sequence = newest?.sequence ?? 0;
  if (move.expectedSequence !== undefined && move.expectedSequence !== sequence) {
    throw new FleetseedError(
      'PRECONDITION_FAILED',
      `${move.release.app}@${move.channel} is at sequence ${sequence}, not ${move.expectedSequence}.`,
      { sequence, expectedSequence: move.expectedSequence, version: newest?.version ?? null },
    );
  }
  return {
    app: move.release.app,
    channel: move.channel,
    sequence: sequence + 1,
    version: move.release.version,
    artifact: move.release.artifact,
    policy: newest?.policy ?? 'immediate',
    movedAt: move.at,
    movedBy: move.by,
  };
}
