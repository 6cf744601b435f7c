import { describe, expect, it } from 'vitest';

import { VirtualClock } from '#lib/runtime';

import { barLine, plainLine, type ProgressState } from './progress-line.js';
import { ProgressDisplay } from './progress.display.js';

const state: ProgressState = {
  label: 'hashing',
  done: 50,
  total: 200,
  bytesPerSecond: 10,
  secondsLeft: 15,
  detail: '4 peers',
};

function displayOn(terminal: boolean) {
  const clock = new VirtualClock();
  const written: string[] = [];
  const write = (text: string) => void written.push(text);
  const target = { write, terminal, color: false, columns: () => 120 };
  return { clock, written, display: new ProgressDisplay('hashing', target, clock) };
}

describe('a progress bar', () => {
  it('shows share, rate, time left and detail', () => {
    expect(barLine(state, 120, false)).toBe(
      'hashing   ██████·················· 25 % of 200 B, 10 B/s, 15 s left, 4 peers',
    );
  });

  it('is never wider than the terminal, so that it can be redrawn in place', () => {
    for (let columns = 1; columns < 130; columns++) {
      expect(barLine(state, columns, false).length).toBeLessThan(Math.max(columns, 1));
    }
  });

  it('has colours only when asked for', () => {
    expect(barLine(state, 120, true)).toContain('\u001b[36m');
    expect(barLine(state, 120, false)).not.toContain('\u001b');
  });

  it('counts nothing to do as done', () => {
    expect(plainLine({ ...state, done: 0, total: 0, bytesPerSecond: 0, detail: '' })).toBe(
      'hashing: 100 % of 0 B',
    );
  });
});

describe('a progress display', () => {
  it('redraws one line on a terminal, ten times a second at most', () => {
    const { clock, written, display } = displayOn(true);
    for (let done = 0; done <= 100; done++) {
      display.update(done, 100);
      clock.advance(10);
    }
    expect(written.length).toBe(11);
    expect(written.every((text) => text.startsWith('\r\u001b[2K') && !text.includes('\n'))).toBe(
      true,
    );
  });

  it('writes a plain line every five seconds in a pipe, and none about what is quick', () => {
    const { clock, written, display } = displayOn(false);
    for (let second = 0; second < 12; second++) {
      display.update(second, 100);
      clock.advance(1000);
    }
    expect(written).toEqual([
      'hashing: 5 % of 100 B, 1 B/s, 1 min 35 s left\n',
      'hashing: 10 % of 100 B, 1 B/s, 1 min 30 s left\n',
    ]);
  });

  it('takes its bar away before it says how it ended', () => {
    const { written, display } = displayOn(true);
    display.update(1, 2);
    display.finish('done');
    expect(written.slice(1)).toEqual(['\r\u001b[2K', 'done\n']);
  });
});
