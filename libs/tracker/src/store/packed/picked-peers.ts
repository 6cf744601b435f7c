import { peerFlagByte } from '#lib/wire';

import type { CandidateSet } from '../candidate-set.js';
import type { CandidateDraw } from './candidate-draw.js';
import type { HostTable } from './host-table.js';
import { FLAG_V1, FLAG_V2, STATE, stateOf } from './member-entry.js';

/** Bytes of a peer in the compact form (BEP 15, 23, 7): IPv4 or IPv6, and a port. */
export type Stride = 6 | 18;

/** The peers that were chosen, from the store into an answer without an object between. */
export class PickedPeers {
  constructor(
    private readonly set: CandidateSet,
    private readonly draw: CandidateDraw,
    private readonly hosts: HostTable,
  ) {}

  get count(): number {
    return this.set.chosenLength;
  }

  /** Those of one family. @returns where they end */
  write(out: Uint8Array, at: number, stride: Stride): number {
    const { chosen, chosenLength } = this.set;
    let end = at;
    for (let nth = 0; nth < chosenLength; nth++) {
      end = this.hosts.write(this.draw.hostAt(chosen[nth]!), out, end, stride);
    }
    return end;
  }

  /** The same with a byte of flags for each (peerFlagByte). @returns how many there are of that family */
  writeFlagged(out: Uint8Array, flags: Uint8Array, stride: Stride): number {
    const { chosen, chosenLength } = this.set;
    let end = 0;
    let count = 0;
    for (let nth = 0; nth < chosenLength; nth++) {
      const host = this.draw.hostAt(chosen[nth]!);
      const next = this.hosts.write(host, out, end, stride);
      if (next === end) continue;
      end = next;
      const what = this.draw.whatAt(chosen[nth]!);
      const { kind } = this.hosts.profileOf(host);
      flags[count++] = peerFlagByte({
        v1: (what & FLAG_V1) !== 0,
        v2: (what & FLAG_V2) !== 0,
        complete: stateOf(what) === STATE.complete,
        member: kind !== 'stranger',
        origin: kind === 'origin',
      });
    }
    return count;
  }
}
