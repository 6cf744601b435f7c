import type { PackedSwarms } from '../../libs/tracker/src/store/packed/packed-swarms.ts';

/** Which peers a store is filled with. */
export interface CrowdShape {
  readonly title: string;
  readonly hosts: number;
  readonly swarms: number;
  /** One host in each swarm, instead of every host in every swarm. */
  readonly diagonal: boolean;
  readonly ipv6: boolean;
}

/** What a stretch of announces cost the store. */
export interface Stretch {
  /** Of this process's CPU time, for each: microseconds. */
  readonly cpuMicroseconds: number;
  /** How long the longest call took, milliseconds by the clock. */
  readonly longestMs: number;
}

/** Answers of a tracker have so many, chosen from so many. */
const WANT = 50;
const SAMPLE = 82;
const DOWNLOADING_MS = 16 * 60_000;
const COMPLETE_MS = 36 * 60_000;
/** So many announces come in a millisecond of the crowd's own time. */
const PER_MS = 100;
const PORT = 6881;
const V1 = 1 << 29;

/** Announces in the store itself, in time of its own: no network, no front end. */
export class PeerCrowd {
  now = 1e12;
  readonly peers: number;
  readonly #store: PackedSwarms;
  readonly #shape: CrowdShape;
  readonly #announce;
  #made = 0;

  constructor(store: PackedSwarms, shape: CrowdShape) {
    this.#store = store;
    this.#shape = shape;
    this.#announce = store.newAnnounce();
    this.peers = shape.diagonal ? shape.swarms : shape.hosts * shape.swarms;
  }

  /** All of them, once. */
  fill(): Stretch {
    return this.#stretch(this.peers, 0, (nth) => nth);
  }

  /** Some of them again, each as likely, who want to be told of others. */
  again(count: number): Stretch {
    return this.#stretch(count, SAMPLE, () => Math.floor(Math.random() * this.peers));
  }

  #stretch(count: number, sample: number, placeOf: (nth: number) => number): Stretch {
    const begun = process.cpuUsage();
    let longestMs = 0;
    let before = performance.now();
    for (let nth = 0; nth < count; nth++) {
      this.#one(placeOf(nth), sample);
      const after = performance.now();
      if (after - before > longestMs) longestMs = after - before;
      before = after;
    }
    const { user, system } = process.cpuUsage(begun);
    return { cpuMicroseconds: (user + system) / count, longestMs };
  }

  #one(place: number, sample: number): void {
    const { hosts, diagonal, ipv6 } = this.#shape;
    const announce = this.#announce;
    const { key, swarm } = announce;
    const host = place % hosts;
    const number = diagonal ? place : Math.floor(place / hosts);
    swarm[0] = Math.imul(number + 1, 0x9e3779b1);
    swarm[1] = number;
    if (ipv6) key.address.set([0xfd00_0000, 0, 0, host]);
    else key.setV4(0x0a00_0000 + host);
    key.port = PORT;
    key.peerId[3] = Math.imul(host, 0x9e3779b1);
    key.peerId[4] = host;
    key.finish();
    const complete = place % 4 === 0 && sample === 0;
    announce.state = complete ? 1 : 0;
    announce.hashes = V1;
    announce.expiresAt = this.now + (complete ? COMPLETE_MS : DOWNLOADING_MS);
    announce.sample = sample;
    this.#store.announce(announce, this.now, (set) => {
      for (let at = 0; at < Math.min(WANT, set.length); at++) set.choose(at);
    });
    this.#store.sweepNext(this.now);
    if (++this.#made % PER_MS === 0) this.now++;
  }
}
