import { openFilesShare } from '#lib/runtime';

const SHARE = 0.25;
const MOST = 512;

/**
 * How many files stores may have open in this process: each takes a place before it opens one and gives it
 * back after closing. When there is none, the file that has not been used for longest is closed, whoever's
 * it is; when all are in use, the next waits. Nobody takes a second place while holding one, so all waits end.
 */
export class OpenPlaces {
  #taken = 0;
  /** What is open and not in use, the one used least recently first, and how to have it closed. */
  readonly #idle = new Map<object, () => void>();
  readonly #waiting: (() => void)[] = [];

  constructor(readonly limit: number) {}

  get taken(): number {
    return this.#taken;
  }

  /** Takes a place. @returns null when it was free, or what to wait for */
  take(): Promise<void> | null {
    if (this.#taken < this.limit) {
      this.#taken++;
      return null;
    }
    const place = new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
    });
    this.#evict();
    return place;
  }

  /** The file is closed. */
  give(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#taken--;
  }

  /** An open file is not in use; `close` is called, once, when its place is needed. */
  rests(file: object, close: () => void): void {
    this.#idle.set(file, close);
    if (this.#waiting.length > 0) this.#evict();
  }

  /** It is in use again, or its owner closes it. */
  used(file: object): void {
    this.#idle.delete(file);
  }

  /** Runs what opens one file and closes it again. */
  async within<T>(action: () => Promise<T>): Promise<T> {
    const wait = this.take();
    if (wait) await wait;
    try {
      return await action();
    } finally {
      this.give();
    }
  }

  #evict(): void {
    for (const [file, close] of this.#idle) {
      this.#idle.delete(file);
      close();
      return;
    }
  }
}

/** Of this process: the limit of open files is the process's. */
export const OPEN_PLACES = new OpenPlaces(openFilesShare(SHARE, MOST));
