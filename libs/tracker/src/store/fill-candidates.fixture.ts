import { flagsOf } from './candidate-flags.js';
import { CandidateSet } from './candidate-set.js';
import type { PeerCandidate, PeerRecord } from './peer-store.js';

/** Candidates for a peer as a store makes them of its records. */
export function candidatesFor(self: PeerRecord, peers: readonly PeerCandidate[]): CandidateSet {
  const set = new CandidateSet();
  for (const peer of peers) {
    set.loads[set.length] = peer.load;
    set.flags[set.length++] = flagsOf(self, peer);
  }
  return set;
}
