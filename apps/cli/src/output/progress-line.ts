import { styleText } from 'node:util';

import { clipped } from './printable.js';
import { bytesText, durationText, percentText, rateText } from './quantities.js';

/** What a progress display shows of one activity. */
export interface ProgressState {
  /** What is going on, one word or two: `hashing`. */
  readonly label: string;
  /** Bytes. */
  readonly done: number;
  readonly total: number;
  readonly bytesPerSecond: number;
  readonly secondsLeft: number | null;
  /** More about it, at the end of the line. */
  readonly detail: string;
}

const BAR_CELLS = 24;
const PARTS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** One line for a terminal of `columns`, never wider: a wrapped line could not be redrawn. */
export function barLine(state: ProgressState, columns: number, color: boolean): string {
  const bar = barOf(shareOf(state));
  const shown = color ? styleText('cyan', bar, { validateStream: false }) : bar;
  const before = `${state.label.padEnd(9)} `;
  const rest = ` ${factsOf(state)}`;
  const room = columns - 1 - before.length - BAR_CELLS;
  if (room < 5) return clipped(`${state.label} ${percentText(shareOf(state))}`, columns - 1);
  return `${before}${shown}${clipped(rest, room)}`;
}

/** One line for a log. */
export function plainLine(state: ProgressState): string {
  return `${state.label}: ${factsOf(state)}`;
}

function factsOf(state: ProgressState): string {
  const { done, total, bytesPerSecond, secondsLeft, detail } = state;
  const texts = [`${percentText(shareOf(state))} of ${bytesText(total)}`];
  if (bytesPerSecond > 0) texts.push(rateText(bytesPerSecond));
  if (secondsLeft !== null && done < total) texts.push(`${durationText(secondsLeft)} left`);
  if (detail !== '') texts.push(detail);
  return texts.join(', ');
}

/** Nothing to do is done. */
function shareOf({ done, total }: ProgressState): number {
  return total === 0 ? 1 : done / total;
}

function barOf(share: number): string {
  const eighths = Math.floor(Math.min(1, Math.max(0, share)) * BAR_CELLS * 8);
  const bar = '█'.repeat(Math.floor(eighths / 8)) + PARTS[eighths % 8]!;
  return bar.padEnd(BAR_CELLS, '·');
}
