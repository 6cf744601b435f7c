/** Whether somebody can see the page. */
export interface PageVisibility {
  visible(): boolean;
  /** @returns what to call to hear no more. */
  onChange(listener: () => void): () => void;
}

export const documentVisibility: PageVisibility = {
  visible: () => document.visibilityState === 'visible',
  onChange(listener) {
    document.addEventListener('visibilitychange', listener);
    return () => document.removeEventListener('visibilitychange', listener);
  },
};

/**
 * Runs a task again and again while the page can be seen, the pause counted from the end of the run
 * before; at once when the page is seen again. The task itself shows its errors.
 */
export class Poller {
  #timer: ReturnType<typeof setTimeout> | undefined;
  #running: AbortController | null = null;
  #stopListening: () => void = () => {};

  constructor(
    private readonly task: (signal: AbortSignal) => Promise<void>,
    private readonly everyMs: number,
    private readonly page: PageVisibility = documentVisibility,
  ) {}

  start(): void {
    this.#stopListening = this.page.onChange(() => this.#onVisibility());
    this.#onVisibility();
  }

  stop(): void {
    this.#stopListening();
    this.#pause();
  }

  #onVisibility(): void {
    if (!this.page.visible()) this.#pause();
    else if (this.#running === null) this.#run();
  }

  #pause(): void {
    clearTimeout(this.#timer);
    this.#running?.abort();
    this.#running = null;
  }

  #run(): void {
    clearTimeout(this.#timer);
    const running = new AbortController();
    this.#running = running;
    const next = () => {
      if (this.#running !== running) return;
      this.#running = null;
      this.#timer = setTimeout(() => this.#run(), this.everyMs);
    };
    this.task(running.signal).then(next, next);
  }
}
