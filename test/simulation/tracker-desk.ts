import type { Random } from '#lib/runtime';

import {
  DEFAULT_HAND_OUT,
  HandOut,
  sampleFor,
  wantOf,
} from '../../libs/tracker/src/policy/hand-out.policy.js';
import { PackedSwarms } from '../../libs/tracker/src/store/packed/packed-swarms.js';
import type { PeerRecord } from '../../libs/tracker/src/store/peer-store.js';
import type { Machine } from './machine.js';

const SWARM = 'a'.repeat(40);
const PORT = 6881;
/** What the engine asks for. */
const NUM_WANT = 50;
/** Wall-clock time when the simulation begins, and how long records stay, milliseconds. */
const EPOCH = 1_000_000_000;
const LIFETIME_MS = 3_000_000;

/** The tracker of one swarm: its peer list and hand-out policy. */
export class TrackerDesk {
  /** Complete machines, the origin not counted. */
  complete = 0;
  readonly #swarms: PackedSwarms;
  readonly #handOut: HandOut;
  readonly #machines = new Map<string, Machine>();

  constructor(
    random: Random,
    private readonly labelled: boolean,
  ) {
    this.#swarms = new PackedSwarms(random);
    this.#handOut = new HandOut(random);
  }

  /** A machine tells how it stands. @returns whom it may dial */
  announce(machine: Machine, now: number): Machine[] {
    return this.#announce(machine, now, false);
  }

  leave(machine: Machine, now: number): void {
    this.#announce(machine, now, true);
  }

  #announce(machine: Machine, now: number, stopped: boolean): Machine[] {
    const peer = this.#recordOf(machine, EPOCH + now);
    this.#machines.set(peer.host, machine);
    const want = wantOf(peer.state, NUM_WANT, stopped, DEFAULT_HAND_OUT);
    const announce = this.#swarms.newAnnounce();
    announce.set({ swarm: SWARM, peer, stopped, sample: sampleFor(want) });
    this.#swarms.announce(announce, EPOCH + now, (candidates, complete) =>
      this.#handOut.pick(candidates, complete, want),
    );
    this.complete = this.#swarms.counts.complete;
    return this.#swarms.pickedRecords(EPOCH + now).map(({ host }) => this.#machines.get(host)!);
  }

  #recordOf({ index, zone, isOrigin, have }: Machine, now: number): PeerRecord {
    const peerId = Buffer.alloc(20);
    peerId.writeUInt32BE(index);
    return {
      host: `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`,
      port: PORT,
      peerId,
      kind: isOrigin ? 'origin' : 'member',
      state: have.all ? 'complete' : 'downloading',
      caller: '',
      zone: this.labelled ? `zone-${zone}` : '',
      rack: '',
      v1: false,
      v2: true,
      expiresAt: now + LIFETIME_MS,
    };
  }
}
