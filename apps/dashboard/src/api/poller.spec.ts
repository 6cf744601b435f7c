import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { Poller, type PageVisibility } from './poller.js';

class Page implements PageVisibility {
  #visible = true;
  readonly #listeners = new Set<() => void>();

  visible(): boolean {
    return this.#visible;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  show(visible: boolean): void {
    this.#visible = visible;
    for (const listener of this.#listeners) listener();
  }
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function polling(task: (signal: AbortSignal) => Promise<void>): Page {
  const page = new Page();
  new Poller(task, 1000, page).start();
  return page;
}

describe('Poller', () => {
  it('asks at once and then again after each pause, also when a run fails', async () => {
    let runs = 0;
    polling(async () => {
      runs++;
      throw new Error('no');
    });
    expect(runs).toBe(1);
    await vi.advanceTimersByTimeAsync(3500);
    expect(runs).toBe(4);
  });

  it('does not ask while nobody sees the page, and at once when somebody does again', async () => {
    let runs = 0;
    const page = polling(async () => void runs++);
    await vi.advanceTimersByTimeAsync(0);
    page.show(false);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(runs).toBe(1);
    page.show(true);
    expect(runs).toBe(2);
  });

  it('aborts the run under way when the page is hidden, and never runs two at a time', async () => {
    const signals: AbortSignal[] = [];
    const page = polling((signal) => {
      signals.push(signal);
      return new Promise(() => {});
    });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(signals).toHaveLength(1);
    page.show(false);
    expect(signals[0]!.aborted).toBe(true);
    page.show(true);
    expect(signals.map((each) => each.aborted)).toEqual([true, false]);
  });

  it('is over after stop', async () => {
    let runs = 0;
    const page = new Page();
    const poller = new Poller(async () => void runs++, 1000, page);
    poller.start();
    poller.stop();
    page.show(true);
    await vi.advanceTimersByTimeAsync(5000);
    expect(runs).toBe(1);
  });
});
