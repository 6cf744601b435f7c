import type { PayloadLayout } from './payload.layout.js';
import { scoreOf, seedOf } from './rendezvous.score.js';

/**
 * Runs that lie together have one owner, so that each replica reads what it sends from far away in
 * stretches of several megabytes, and no two of them read the same, bytes of payload.
 */
export const STRETCH_LENGTH = 4 * 1024 * 1024;
/** A replica none of whose runs came to anybody for so long is taken for silent, milliseconds. */
export const SILENT_MS = 3000;
/** Who is silent is looked at so often, milliseconds. */
const LOOK_MS = 250;

/** The replicas of the origin that seed. */
export interface OriginReplicas {
  readonly self: string;
  /** Those that are alive, this one among them; the same array until that changes. */
  alive(): readonly string[];
}

/**
 * Which replica gives the first copy of which run: by rendezvous hash, so that all of them know it
 * without a word, and one that comes or goes moves no more than its own part. A replica that is on
 * the list and gives nothing (it is cut off, or the list is old) is passed over: what machines tell of
 * what they have got shows it. Times are milliseconds.
 */
export class CopyDivision {
  /** Changes whenever runs have other owners than before. */
  version = 0;
  readonly #layout: PayloadLayout;
  readonly #artifact: string;
  readonly #replicas: OriginReplicas;
  readonly #stretches: number;
  #alive: readonly string[] = [];
  /** When a run of each replica came to somebody last. */
  #heardAt = new Map<string, number>();
  #silent = new Set<string>();
  /** Owners of stretches, as places in the list; among all, and among those that are not silent. */
  #owners = new Uint16Array(0);
  #acting = new Uint16Array(0);
  #waitingSince = 0;
  #lookAt = -Infinity;

  /** @param artifact its v2 info-hash, hex */
  constructor(layout: PayloadLayout, artifact: string, replicas: OriginReplicas) {
    this.#layout = layout;
    this.#artifact = artifact;
    this.#replicas = replicas;
    this.#stretches = Math.max(1, Math.ceil(layout.length / STRETCH_LENGTH));
  }

  /** Whether this replica gives the first copy. */
  isOurs(run: number): boolean {
    return this.#actingOwner(run) === this.#replicas.self;
  }

  /** Machines begin that nobody has given anything yet: nobody can be silent yet. */
  begins(now: number): void {
    this.#waitingSince = Math.max(this.#waitingSince, now);
  }

  /** Somebody got a run that nobody had. @param offered whether it was offered by this replica */
  held(run: number, offered: boolean, now: number): void {
    if (this.#alive.length < 2) return;
    const acting = this.#actingOwner(run);
    if (acting !== this.#replicas.self) this.#heardAt.set(acting, now);
    // Who seemed to be silent has given it.
    else if (!offered) this.#heardAt.set(this.#alive[this.#owners[this.#stretchOf(run)]!]!, now);
  }

  /**
   * Brings up to date who gives what; to be called before runs are dealt.
   * @param isScarce whether more copies of a run are of use: who has given enough of all that is its own may be silent
   */
  look(now: number, someWait: boolean, isScarce: (run: number) => boolean): void {
    if (!someWait) this.#waitingSince = now;
    const alive = this.#replicas.alive();
    if (alive !== this.#alive) {
      this.#alive = alive;
      this.#heardAt = new Map(this.#alive.map((id) => [id, this.#heardAt.get(id) ?? now]));
      this.#owners = this.#divide(new Set());
      this.#lookAt = -Infinity;
    } else if (now < this.#lookAt) return;
    const changed = this.#lookAt === -Infinity;
    this.#lookAt = now + LOOK_MS;
    const silent = this.#silentAt(now, isScarce);
    const before = this.#silent;
    const isSame = silent.size === before.size && [...silent].every((id) => before.has(id));
    if (isSame && !changed) return;
    this.#silent = silent;
    this.#acting = this.#divide(silent);
    this.version++;
  }

  #actingOwner(run: number): string {
    return this.#alive[this.#acting[this.#stretchOf(run)]!] ?? this.#replicas.self;
  }

  #stretchOf(run: number): number {
    return Math.floor(this.#layout.offsetOfRun(run) / STRETCH_LENGTH);
  }

  #silentAt(now: number, isScarce: (run: number) => boolean): Set<string> {
    const silent = new Set<string>();
    for (const [place, id] of this.#alive.entries()) {
      const since = Math.max(this.#waitingSince, this.#heardAt.get(id) ?? now);
      if (id === this.#replicas.self || now - since <= SILENT_MS) continue;
      if (this.#owes(place, isScarce)) silent.add(id);
      else this.#heardAt.set(id, now);
    }
    return silent;
  }

  #owes(place: number, isScarce: (run: number) => boolean): boolean {
    for (let run = 0; run < this.#layout.runCount; run++) {
      if (this.#owners[this.#stretchOf(run)] === place && isScarce(run)) return true;
    }
    return false;
  }

  #divide(without: ReadonlySet<string>): Uint16Array<ArrayBuffer> {
    const owners = new Uint16Array(this.#stretches);
    const best = new Float64Array(this.#stretches).fill(-1);
    this.#alive.forEach((id, place) => {
      if (without.has(id)) return;
      const seed = seedOf(`${this.#artifact} ${id}`);
      for (let stretch = 0; stretch < this.#stretches; stretch++) {
        const score = scoreOf(seed, stretch);
        if (score <= best[stretch]!) continue;
        best[stretch] = score;
        owners[stretch] = place;
      }
    });
    return owners;
  }
}
