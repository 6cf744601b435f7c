/** The time that words like "12 s ago" are counted from; it moves on while the page can be seen. */
class PageClock {
  #now = $state(Date.now());

  constructor() {
    setInterval(() => {
      if (document.visibilityState === 'visible') this.#now = Date.now();
    }, 1000);
  }

  get now(): number {
    return this.#now;
  }
}

export const clock = new PageClock();
