import { describe, expect, it } from 'vitest';

import type { PeerFrame } from '#lib/contracts';

import { FrameBoard, MAX_PEERS_SHOWN } from './frame.board.js';

function frame(peer: string, from: PeerFrame['from'] = []): PeerFrame {
  return {
    peer,
    label: peer,
    role: 'agent',
    pieces: '00'.repeat(64),
    progress: 0.5,
    bytesPerSecondDown: 1,
    bytesPerSecondUp: 2,
    from,
  };
}

describe('FrameBoard', () => {
  it('shows the newest frame of each peer, and its bytes once', () => {
    const board = new FrameBoard();
    board.open('a');
    board.put('a', frame('x', [{ peer: 'y', bytes: 5 }]), 0);
    board.put('a', frame('y'), 10);
    board.put('a', frame('y', [{ peer: 'x', bytes: 7 }]), 20);
    expect(board.take('a', 1000)).toEqual([
      frame('x', [{ peer: 'y', bytes: 5 }]),
      frame('y', [{ peer: 'x', bytes: 7 }]),
    ]);
    expect(board.take('a', 2000)).toEqual([frame('x'), frame('y')]);
  });

  it('drops peers that fell silent, and everything of swarms nobody watches', () => {
    const board = new FrameBoard();
    board.put('a', frame('x'), 0);
    board.open('a');
    expect(board.take('a', 0)).toEqual([]);
    board.put('a', frame('x'), 0);
    board.put('a', frame('y'), 3000);
    expect(board.take('a', 4000)).toEqual([frame('y')]);
    board.close('a');
    expect(board.take('a', 4000)).toEqual([]);
  });

  it('keeps no more peers than are shown', () => {
    const board = new FrameBoard();
    board.open('a');
    for (let each = 0; each < MAX_PEERS_SHOWN + 5; each++) board.put('a', frame(`p${each}`), 0);
    expect(board.take('a', 0)).toHaveLength(MAX_PEERS_SHOWN);
  });
});
