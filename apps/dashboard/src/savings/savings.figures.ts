import type { SavingsLine } from '#lib/contracts';

/** Why the origin sends payload bytes, for people; the keys are the ledger's. */
const REASONS: Readonly<Record<string, string>> = {
  first: 'First copies, that peers pass on',
  rare: 'Pieces that few peers hold',
  stall: 'Peers that would have stood still',
  peer: 'Ordinary requests of peers',
  'web-seed': 'HTTP web seed',
  stranger: 'Other clients',
};

export interface ReasonLine {
  readonly reason: string;
  readonly text: string;
  readonly bytes: number;
  /** Of all that the origin sent, 0 to 1. */
  readonly share: number;
}

/** The largest first; reasons this page does not know keep the ledger's name. */
export function reasonLines(byReason: Readonly<Record<string, number>>): ReasonLine[] {
  const all = Object.values(byReason).reduce((sum, bytes) => sum + bytes, 0);
  return Object.entries(byReason)
    .map(([reason, bytes]) => ({
      reason,
      text: REASONS[reason] ?? reason,
      bytes,
      share: all > 0 ? bytes / all : 0,
    }))
    .sort((a, b) => b.bytes - a.bytes || (a.text < b.text ? -1 : 1));
}

/** What the origin did not have to send, in bytes; 0 when it sent more than was delivered. */
export function savedBytes({ delivered, origin }: SavingsLine): number {
  return Math.max(0, delivered - origin);
}

export interface SourcePart {
  readonly name: 'origin' | 'peers' | 'reused' | 'residual';
  readonly bytes: number;
  /** Of what was delivered, 0 to 1. */
  readonly share: number;
}

/**
 * Where the delivered bytes came from. The parts add up to what was delivered, as the ledger's
 * identity says; what completed stages had from the origin is the part that is not told by itself.
 */
export function sourcesOf({ delivered, peers, reused, residual }: SavingsLine): SourcePart[] {
  const fromOrigin = delivered - peers - reused - residual;
  const parts = { origin: fromOrigin, peers, reused, residual };
  return Object.entries(parts).map(([name, bytes]) => ({
    name: name as SourcePart['name'],
    bytes,
    share: delivered > 0 ? bytes / delivered : 0,
  }));
}
