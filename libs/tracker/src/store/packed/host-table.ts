import { finishHash, mixWord } from './hash-words.js';
import { hostText, isMapped, writeWord, type PeerKey } from './peer-key.js';
import type { Profile, ProfileTable } from './profile-table.js';
import { RecordIndex } from './record-index.js';
import { RecordSlab } from './record-slab.js';

/* Words of a host: 4 of address, 5 of peer id, port, profile, hash of address and port, uses. */
const PEER_ID = 4;
const PORT = 9;
/** Beside the port, so that writing an address needs no look at all of it. */
const IS_V4 = 1 << 16;
const PROFILE = 10;
const HASH = 11;
const USES = 12;
const WORDS = 13;
const CARDS_BITS = 12;
const CARDS_MASK = (1 << CARDS_BITS) - 1;
const PORT_AND_FAMILY = 0x1ffff;

/**
 * A host (address, port, peer id, caller and labels) once, however many swarms it is in; they refer to it by
 * number. A host whose peer id or labels change is another host.
 */
export class HostTable {
  readonly #slab = new RecordSlab(WORDS);
  /**
   * What handing a host out needs, by its number: the last word of its address, and its port with marks. The
   * cards of ten thousand hosts stay in a processor's cache, where their records do not.
   */
  readonly #cards: Uint32Array[] = [];
  readonly #index: RecordIndex;
  #key: PeerKey | null = null;
  #profile = 0;

  constructor(private readonly profiles: ProfileTable) {
    this.#index = new RecordIndex({
      hashOf: (host) => this.#fullHash(this.#slab.chunkOf(host), this.#slab.offsetOf(host)),
      isSought: (host) => this.#isSought(host),
    });
  }

  get count(): number {
    return this.#slab.count;
  }

  /** 0 when it is not known. */
  find(key: PeerKey, profile: Profile): number {
    this.#key = key;
    this.#profile = profile.number;
    return this.#index.find(keyHash(key, profile.number));
  }

  /** Says that one more swarm refers to the host. */
  use(host: number): void {
    this.#slab.chunkOf(host)[this.#slab.offsetOf(host) + USES]!++;
  }

  /** A new host with one use; it must not be known yet. */
  add(key: PeerKey, profile: Profile): number {
    const host = this.#slab.take();
    const chunk = this.#slab.chunkOf(host);
    const at = this.#slab.offsetOf(host);
    chunk.set(key.address, at);
    chunk.set(key.peerId, at + PEER_ID);
    chunk[at + PORT] = key.port | (isMapped(key.address, 0) ? IS_V4 : 0);
    chunk[at + PROFILE] = profile.number;
    chunk[at + HASH] = key.hash;
    chunk[at + USES] = 1;
    const cards = (this.#cards[host >>> CARDS_BITS] ??= new Uint32Array(2 << CARDS_BITS));
    const card = 2 * (host & CARDS_MASK);
    cards[card] = key.address[3]!;
    cards[card + 1] = chunk[at + PORT]! | markOfClient(key.peerId);
    profile.uses++;
    this.#index.add(keyHash(key, profile.number), host);
    return host;
  }

  /** One swarm less refers to the host; the last one takes it away. */
  release(host: number): void {
    const chunk = this.#slab.chunkOf(host);
    const at = this.#slab.offsetOf(host);
    if (--chunk[at + USES]! > 0) return;
    const profile = this.profiles.at(chunk[at + PROFILE]!);
    this.#index.remove(this.#fullHash(chunk, at), host);
    this.#slab.give(host);
    profile.uses--;
    this.profiles.release(profile);
  }

  /** Whether both have the same address and port (and peer id, where the port is 0). */
  isAt(host: number, key: PeerKey): boolean {
    const chunk = this.#slab.chunkOf(host);
    const at = this.#slab.offsetOf(host);
    if (chunk[at + HASH] !== key.hash || (chunk[at + PORT]! & 0xffff) !== key.port) return false;
    for (let word = 0; word < 4; word++) {
      if (chunk[at + word] !== key.address[word]) return false;
    }
    return key.port !== 0 || this.hasPeerId(host, key.peerId);
  }

  hasPeerId(host: number, peerId: Uint32Array): boolean {
    const chunk = this.#slab.chunkOf(host);
    const at = this.#slab.offsetOf(host) + PEER_ID;
    // Ids of one kind of client begin alike.
    for (let word = 4; word >= 0; word--) if (chunk[at + word] !== peerId[word]) return false;
    return true;
  }

  /**
   * Whether it is the same client at whatever address; nearly always known from the card alone.
   * @param mark of the peer id: see {@link markOfClient}.
   */
  isClient(host: number, peerId: Uint32Array, mark: number): boolean {
    const card = this.#cards[host >>> CARDS_BITS]![2 * (host & CARDS_MASK) + 1]!;
    return ((card ^ mark) & ~PORT_AND_FAMILY) === 0 && this.hasPeerId(host, peerId);
  }

  hashOf(host: number): number {
    return this.#slab.chunkOf(host)[this.#slab.offsetOf(host) + HASH]!;
  }

  profileOf(host: number): Profile {
    return this.profiles.at(this.#slab.chunkOf(host)[this.#slab.offsetOf(host) + PROFILE]!);
  }

  /** The words of a host: address from {@link offsetOf}, peer id four words on, port nine. */
  wordsOf(host: number): Uint32Array {
    return this.#slab.chunkOf(host);
  }

  offsetOf(host: number): number {
    return this.#slab.offsetOf(host);
  }

  /**
   * Address and port in the compact form, if it is of that family.
   * @param stride 6 bytes for IPv4, 18 for IPv6.
   * @returns where it ends
   */
  write(host: number, out: Uint8Array, at: number, stride: 6 | 18): number {
    const cards = this.#cards[host >>> CARDS_BITS]!;
    const card = 2 * (host & CARDS_MASK);
    const port = cards[card + 1]!;
    if (((port & IS_V4) !== 0) !== (stride === 6)) return at;
    let end = at;
    if (stride === 18) {
      const chunk = this.#slab.chunkOf(host);
      const words = this.#slab.offsetOf(host);
      for (let word = 0; word < 3; word++, end += 4) writeWord(out, end, chunk[words + word]!);
    }
    writeWord(out, end, cards[card]!);
    end += 4;
    out[end] = port >>> 8;
    out[end + 1] = port;
    return end + 2;
  }

  /** For those who want objects. */
  textOf(host: number): { address: string; port: number; peerId: Buffer } {
    const chunk = this.#slab.chunkOf(host);
    const at = this.#slab.offsetOf(host);
    const peerId = Buffer.alloc(20);
    for (let word = 0; word < 5; word++) writeWord(peerId, 4 * word, chunk[at + PEER_ID + word]!);
    return { address: hostText(chunk, at), port: chunk[at + PORT]! & 0xffff, peerId };
  }

  #isSought(host: number): boolean {
    const key = this.#key!;
    const chunk = this.#slab.chunkOf(host);
    const at = this.#slab.offsetOf(host);
    if (chunk[at + HASH] !== key.hash || chunk[at + PROFILE] !== this.#profile) return false;
    return this.hasPeerId(host, key.peerId) && this.isAt(host, key);
  }

  #fullHash(chunk: Uint32Array, at: number): number {
    let hash = mixWord(chunk[at + HASH]!, chunk[at + PROFILE]!);
    for (let word = 0; word < 5; word++) hash = mixWord(hash, chunk[at + PEER_ID + word]!);
    return finishHash(hash);
  }
}

/** The upper 15 bits of a word: what tells clients apart is at the end of their ids. */
export function markOfClient(peerId: Uint32Array): number {
  return Math.imul(peerId[4]! ^ peerId[3]! ^ peerId[2]!, 0x9e3779b1) & ~PORT_AND_FAMILY;
}

function keyHash({ hash, peerId }: PeerKey, profile: number): number {
  let full = mixWord(hash, profile);
  for (let word = 0; word < 5; word++) full = mixWord(full, peerId[word]!);
  return finishHash(full);
}
