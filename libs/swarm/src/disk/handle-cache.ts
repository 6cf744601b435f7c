import { OPEN_PLACES, type OpenPlaces } from './open-places.js';
import { closeQuietly } from './raw-file.js';

interface Handle {
  readonly file: number;
  readonly writable: boolean;
  readonly fd: Promise<number>;
  users: number;
  /** No longer in the table: to be closed by its last user. */
  dropped: boolean;
}

/** A descriptor that stays open at least until `release`. */
export interface Lease {
  readonly fd: number;
  release(): void;
}

/**
 * Keeps the most recently used files open, at most `limit` of them beyond those in use at the moment, and
 * as long as the process has places for them.
 * A file that is open for reading only is opened anew when it is to be written.
 */
export class HandleCache {
  /** In order of use: the first one is the one that was used least recently. */
  readonly #handles = new Map<number, Handle>();
  readonly #closing = new Set<Promise<void>>();

  constructor(
    private readonly open: (file: number, writable: boolean) => Promise<number>,
    private readonly limit: number,
    private readonly places: OpenPlaces = OPEN_PLACES,
  ) {}

  get size(): number {
    return this.#handles.size;
  }

  async lease(file: number, writable: boolean): Promise<Lease> {
    const handle = this.#handleOf(file, writable);
    handle.users++;
    this.places.used(handle);
    try {
      const fd = await handle.fd;
      return { fd, release: () => this.#release(handle) };
    } catch (error) {
      if (this.#handles.get(file) === handle) this.#handles.delete(file);
      throw error;
    }
  }

  /** Closes the file's handle when its users are done; the next lease opens it anew. */
  drop(file: number): void {
    const handle = this.#handles.get(file);
    if (handle) this.#drop(handle);
  }

  /** Closes all; those in use when their users are done. Resolves when those that were idle are closed. */
  async closeAll(): Promise<void> {
    for (const handle of this.#handles.values()) this.#drop(handle);
    await Promise.all(this.#closing);
  }

  #handleOf(file: number, writable: boolean): Handle {
    const present = this.#handles.get(file);
    if (present && (present.writable || !writable)) {
      this.#handles.delete(file);
      this.#handles.set(file, present);
      return present;
    }
    if (present) this.#drop(present);
    const fd = this.#opened(file, writable);
    // Whoever leases it is told of a failure; there is always one.
    fd.catch(() => {});
    const handle = { file, writable, fd, users: 0, dropped: false };
    this.#handles.set(file, handle);
    this.#shrink(handle);
    return handle;
  }

  async #opened(file: number, writable: boolean): Promise<number> {
    const place = this.places.take();
    if (place) await place;
    try {
      return await this.open(file, writable);
    } catch (error) {
      this.places.give();
      throw error;
    }
  }

  #release(handle: Handle): void {
    handle.users--;
    if (handle.users > 0) return;
    if (handle.dropped) this.#close(handle);
    else {
      this.places.rests(handle, () => this.#drop(handle));
      this.#shrink(handle);
    }
  }

  #shrink(newest: Handle): void {
    if (this.#handles.size <= this.limit) return;
    for (const handle of this.#handles.values()) {
      if (handle.users > 0 || handle === newest) continue;
      this.#drop(handle);
      return;
    }
  }

  #drop(handle: Handle): void {
    if (handle.dropped) return;
    if (this.#handles.get(handle.file) === handle) this.#handles.delete(handle.file);
    this.places.used(handle);
    handle.dropped = true;
    if (handle.users === 0) this.#close(handle);
  }

  #close(handle: Handle): void {
    const closing = handle.fd.then(
      (fd) => closeQuietly(fd).then(() => this.places.give()),
      () => {},
    );
    this.#closing.add(closing);
    void closing.then(() => this.#closing.delete(closing));
  }
}
