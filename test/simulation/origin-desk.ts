import type { Random } from '#lib/runtime';

import { CopyBudget, type OfferChange } from '../../libs/swarm/src/policy/copy.budget.js';
import { CopyDivision, type OriginReplicas } from '../../libs/swarm/src/policy/copy.division.js';
import type { CopyMember, OfferReason } from '../../libs/swarm/src/policy/copy.member.js';
import type { PayloadLayout } from '../../libs/swarm/src/policy/payload.layout.js';
import { RunHoldings } from '../../libs/swarm/src/policy/run.holdings.js';
import type { Machine } from './machine.js';

/** Runs that a machine may ask the origin for, or may not any more. */
export interface Offers {
  readonly to: Machine;
  readonly runs: number[];
}

/** The origin's copy budget, and which machine is which member. */
export class OriginDesk {
  /** Payload bytes that were sent, by reason. */
  readonly sentBytes: Record<OfferReason, number> = { first: 0, rare: 0, stall: 0 };
  readonly #budget: CopyBudget;
  readonly #machines = new Map<CopyMember, Machine>();
  readonly #members = new Map<Machine, CopyMember>();
  /** Offers are about to be made. */
  dealing = false;

  constructor(
    private readonly layout: PayloadLayout,
    random: Random,
    /** Complete machines that the tracker knows. */
    private readonly complete: () => number,
    replicas: OriginReplicas,
  ) {
    const seedsElsewhere = () => Math.max(0, this.complete() - this.#completeMembers());
    const division = new CopyDivision(layout, 'simulated', replicas);
    this.#budget = new CopyBudget(layout, { random, seedsElsewhere, division });
  }

  join(machine: Machine, now: number): void {
    const holdings = new RunHoldings(this.layout, machine.told, null);
    const member = this.#budget.join(holdings, now);
    this.#members.set(machine, member);
    this.#machines.set(member, machine);
  }

  leave(machine: Machine, now: number): void {
    const member = this.#members.get(machine);
    if (!member) return;
    this.#members.delete(machine);
    this.#machines.delete(member);
    this.#budget.leave(member, now);
  }

  gained(machine: Machine, piece: number, now: number): void {
    const member = this.#members.get(machine);
    if (member) this.#budget.gained(member, piece, now);
  }

  /** A request came. @returns whether it is to be served */
  requested(machine: Machine, run: number, now: number): boolean {
    const member = this.#members.get(machine);
    if (!member || this.#budget.reasonOf(member, run) === null) return false;
    this.#budget.requested(member, run, now);
    return true;
  }

  /** The run is handed to the network. */
  sends(machine: Machine, run: number, bytes: number, now: number): void {
    const member = this.#members.get(machine);
    if (!member) return;
    this.sentBytes[this.#budget.reasonOf(member, run) ?? 'stall'] += bytes;
    this.#budget.sent(member, run, bytes, now);
  }

  /** @param rate what is sent, bytes a second */
  deal(rate: number, now: number): Offers[] {
    return this.#grouped(this.#budget.deal(rate, now));
  }

  expire(now: number): Offers[] {
    return this.#grouped(this.#budget.expire(now));
  }

  #completeMembers(): number {
    let complete = 0;
    for (const machine of this.#machines.values()) if (machine.have.all) complete++;
    return complete;
  }

  #grouped(changes: readonly OfferChange[]): Offers[] {
    const offers = new Map<Machine, number[]>();
    for (const { member, run } of changes) {
      const to = this.#machines.get(member)!;
      const runs = offers.get(to);
      if (runs) runs.push(run);
      else offers.set(to, [run]);
    }
    return [...offers].map(([to, runs]) => ({ to, runs }));
  }
}
