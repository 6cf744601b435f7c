const FIRST_CAPACITY = 1024;

/**
 * What is to happen and when, in order of time: a binary heap over typed arrays, because a large swarm
 * has tens of millions of events. An event is a kind and a number; what the number means is the
 * kind's own affair. Events of the same time come in an order that is the same in every run.
 */
export class EventQueue {
  /** Of the event that `next` took, milliseconds. */
  now = 0;
  kind = 0;
  subject = 0;
  #times = new Float64Array(FIRST_CAPACITY);
  #kinds = new Uint8Array(FIRST_CAPACITY);
  #subjects = new Int32Array(FIRST_CAPACITY);
  #size = 0;

  /** @param at milliseconds, not before `now` */
  add(at: number, kind: number, subject: number): void {
    if (this.#size === this.#times.length) this.#grow();
    let place = this.#size++;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (this.#times[parent]! <= at) break;
      this.#move(parent, place);
      place = parent;
    }
    this.#put(place, at, kind, subject);
  }

  /** Takes the earliest event: its facts are then in `now`, `kind` and `subject`. */
  next(): boolean {
    if (this.#size === 0) return false;
    this.now = this.#times[0]!;
    this.kind = this.#kinds[0]!;
    this.subject = this.#subjects[0]!;
    const last = --this.#size;
    if (last > 0) this.#sink(last);
    return true;
  }

  /** Puts the event at `from` where the root was taken. */
  #sink(from: number): void {
    const at = this.#times[from]!;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= this.#size) break;
      if (child + 1 < this.#size && this.#times[child + 1]! < this.#times[child]!) child++;
      if (this.#times[child]! >= at) break;
      this.#move(child, place);
      place = child;
    }
    this.#put(place, at, this.#kinds[from]!, this.#subjects[from]!);
  }

  #move(from: number, to: number): void {
    this.#put(to, this.#times[from]!, this.#kinds[from]!, this.#subjects[from]!);
  }

  #put(place: number, at: number, kind: number, subject: number): void {
    this.#times[place] = at;
    this.#kinds[place] = kind;
    this.#subjects[place] = subject;
  }

  #grow(): void {
    const capacity = this.#times.length * 2;
    const [times, kinds, subjects] = [this.#times, this.#kinds, this.#subjects];
    this.#times = new Float64Array(capacity);
    this.#kinds = new Uint8Array(capacity);
    this.#subjects = new Int32Array(capacity);
    this.#times.set(times);
    this.#kinds.set(kinds);
    this.#subjects.set(subjects);
  }
}
