import { CANDIDATE } from './candidate-set.js';
import type { PeerRecord } from './peer-store.js';

/** What of a record decides what a peer is to another. */
export type Standing = Pick<PeerRecord, 'kind' | 'state' | 'zone' | 'rack' | 'v1' | 'v2'>;

/** What a peer is to the one that asks. */
export function flagsOf(self: Standing, peer: Standing): number {
  const remote = self.zone !== '' && peer.zone !== self.zone;
  const sameRack = self.rack !== '' && !remote && peer.rack === self.rack;
  const strangers = self.kind === 'stranger' && peer.kind === 'stranger';
  const neither = !self.v1 && !self.v2 && !peer.v1 && !peer.v2;
  const barred = strangers && !(self.v1 && peer.v1) && !(self.v2 && peer.v2) && !neither;
  return (
    (remote ? CANDIDATE.remote : 0) |
    (sameRack ? CANDIDATE.sameRack : 0) |
    (peer.state === 'complete' ? CANDIDATE.complete : 0) |
    (peer.kind === 'origin' ? CANDIDATE.origin : 0) |
    (barred ? CANDIDATE.barred : 0)
  );
}
