import { Bitfield } from '../../libs/swarm/src/bitfield.js';
import type { Distance } from '../../libs/swarm/src/policy/picker.peer.js';
import { RunHoldings } from '../../libs/swarm/src/policy/run.holdings.js';
import type { Downloads } from './downloads.js';
import { MachineSource, type Machine } from './machine.js';
import type { Swarm } from './swarm.js';
import type { TrackerDesk } from './tracker-desk.js';

/** Connections of a machine at most, and of an origin. */
const MOST = 40;
const MOST_OF_ORIGIN = 64;
/** Messages before two machines know each other: connecting, handshakes, proofs. */
const GREETING = 5;
/** A dial that nobody answers, milliseconds. */
const UNANSWERED_MS = 10_000;

/** Who connects to whom, and parts from whom. */
export class Meetings {
  mostOriginNeighbours = 0;

  constructor(
    private readonly swarm: Swarm,
    private readonly tracker: TrackerDesk,
    private readonly downloads: Downloads,
  ) {}

  announce(machine: Machine): void {
    const known = this.tracker.announce(machine, this.swarm.now);
    this.swarm.later(() => {
      machine.dials.found(known, this.swarm.now);
      this.dial(machine);
    }, 2);
  }

  dial(machine: Machine): void {
    if (!machine.isWell || machine.doneAt > 0) return;
    for (;;) {
      const other = machine.dials.next(machine.neighbours.size, this.swarm.now);
      if (other === null) return;
      if (other.state === 'silent') {
        this.swarm.after(UNANSWERED_MS, () => machine.dials.ended(other, this.swarm.now));
      } else {
        this.swarm.later(() => this.#met(machine, other), GREETING);
      }
    }
  }

  part(machine: Machine, from: Machine): void {
    this.#leave(machine, from);
    if (from.state === 'silent') this.#leave(from, machine);
    else this.swarm.later(() => this.#leave(from, machine));
  }

  /** A machine ends properly. */
  partFromAll(machine: Machine): void {
    this.tracker.leave(machine, this.swarm.now);
    for (const other of machine.neighbours.keys()) {
      this.swarm.later(() => {
        this.#leave(other, machine);
        this.dial(other);
      });
    }
  }

  #met(machine: Machine, other: Machine): void {
    const { now } = this.swarm;
    const most = other.isOrigin ? MOST_OF_ORIGIN : MOST;
    const refused = !other.isWell || !machine.isWell || other.neighbours.size >= most;
    if (refused || machine.neighbours.has(other) || machine.neighbours.size >= MOST) {
      machine.dials.ended(other, now, machine.neighbours.has(other) ? 60_000 : 0);
      return;
    }
    machine.dials.connected(other, now);
    other.dials.found([machine], now);
    other.dials.connected(machine, now);
    this.#join(machine, other);
    this.#join(other, machine);
    if (other.isOrigin) {
      other.desk!.join(machine, now);
      this.swarm.dealSoon(other);
      this.mostOriginNeighbours = Math.max(this.mostOriginNeighbours, other.neighbours.size);
    }
    this.downloads.fill(machine);
    this.downloads.fill(other);
  }

  #join(machine: Machine, other: Machine): void {
    const { layout, now } = this.swarm;
    if (machine.planner === null) {
      machine.neighbours.set(other, null);
      return;
    }
    const shown = other.isOrigin ? new Bitfield(layout.pieceCount) : other.told;
    const holdings = new RunHoldings(layout, shown, null);
    const source = new MachineSource(other, holdings, this.#distance(machine, other), now);
    machine.neighbours.set(other, source);
    machine.planner.add(source);
    other.listeners.push({ at: machine, source, untold: [] });
  }

  /** As machines tell each other, when they know where they stand. */
  #distance(machine: Machine, other: Machine): Distance {
    if (!this.swarm.scenario.labelled || other.isOrigin) return 'unknown';
    return machine.zone === other.zone ? 'near' : 'far';
  }

  /** `machine` learns that the connection to `other` is no more. */
  #leave(machine: Machine, other: Machine): void {
    if (!machine.neighbours.has(other)) return;
    const source = machine.neighbours.get(other)!;
    machine.neighbours.delete(other);
    machine.dials.ended(other, this.swarm.now);
    machine.uploads.drop(other);
    for (const job of machine.sending) if (job.to === other) this.swarm.stopSending(job);
    if (machine.isOrigin) {
      machine.desk!.leave(other, this.swarm.now);
      this.swarm.dealSoon(machine);
    } else if (source) {
      for (const request of source.requests.values()) request.given = true;
      source.requests.clear();
      machine.planner!.remove(source);
      other.listeners.splice(
        other.listeners.findIndex((l) => l.source === source),
        1,
      );
      this.downloads.fill(machine);
    }
    if (machine.isWell) this.swarm.serve(machine);
  }
}
