import type { PeerAnnounce } from '../peer-store.js';
import { FLAG_V1, FLAG_V2, STATE } from './member-entry.js';
import { PeerKey, readWord } from './peer-key.js';
import type { ProfileFacts } from './profile-table.js';

/** The 20 bytes of a swarm's id as five words. */
export type SwarmKey = Uint32Array;

/** An announce as numbers; one object is filled again and again. */
export class ReusedAnnounce {
  readonly swarm: SwarmKey = new Uint32Array(5);
  readonly key: PeerKey;
  facts: ProfileFacts = { kind: 'stranger', caller: '', zone: '', rack: '' };
  /** See {@link STATE}. */
  state: number = STATE.downloading;
  /** {@link FLAG_V1} and {@link FLAG_V2}. */
  hashes = 0;
  expiresAt = 0;
  stopped = false;
  /** As in PeerAnnounce. */
  sample = 0;

  /** @param seed of the hashes of the store that it is made for. */
  constructor(seed: number) {
    this.key = new PeerKey(seed);
  }

  set({ swarm, peer, stopped, sample }: PeerAnnounce): void {
    this.setSwarm(swarm);
    const { key } = this;
    key.setHost(peer.host);
    key.port = peer.port;
    key.setPeerId(peer.peerId, 0);
    key.finish();
    this.facts = peer;
    this.state = STATE[peer.state];
    this.hashes = (peer.v1 ? FLAG_V1 : 0) | (peer.v2 ? FLAG_V2 : 0);
    this.expiresAt = peer.expiresAt;
    this.stopped = stopped;
    this.sample = sample;
  }

  /** @param id 40 hex digits. */
  setSwarm(id: string): void {
    for (let word = 0; word < 5; word++) {
      this.swarm[word] = Number.parseInt(id.slice(8 * word, 8 * word + 8), 16);
    }
  }

  /** @param bytes the 20 from `at`. */
  setSwarmBytes(bytes: Uint8Array, at: number): void {
    for (let word = 0; word < 5; word++) this.swarm[word] = readWord(bytes, at + 4 * word);
  }
}
