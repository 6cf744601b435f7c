import { seededRandom, type Random } from '#lib/runtime';

import type { PayloadLayout } from '../../libs/swarm/src/policy/payload.layout.js';
import { layoutOf } from '../../libs/swarm/src/policy/policy.fixture.js';
import { Downloads } from './downloads.js';
import { EventQueue } from './event-queue.js';
import { Machine, type SpanRequest } from './machine.js';
import { Meetings } from './meetings.js';
import { Network, PART_ARRIVED } from './network.js';
import { OriginDesk, type Offers } from './origin-desk.js';
import type { Scenario } from './scenario.js';
import { TrackerDesk } from './tracker-desk.js';

/** Kinds of events beyond the network's. */
const MESSAGE = PART_ARRIVED + 1;
const DEAL = MESSAGE + 1;
const TICK = DEAL + 1;

/** How often the engine looks at deadlines, milliseconds. */
const TICK_MS = 250;
/** Machines start within this time, milliseconds. */
const START_MS = 100;
/** An agent announces so often while it downloads, milliseconds, a fifth more or less. */
const ANNOUNCE_MS = 5000;
const SLOW_RATE = 0.1;

/** What one simulated swarm came to. */
export interface Ended {
  readonly scenario: Scenario;
  readonly machines: readonly Machine[];
  readonly dead: ReadonlySet<Machine>;
  readonly rates: Float64Array;
  readonly network: Network;
  readonly origins: readonly Machine[];
  readonly mostOriginNeighbours: number;
  readonly spans: number;
  readonly wasted: number;
  readonly events: number;
}

/** Machines with the real policies, a network between them, and a clock that jumps from event to event. */
export class Swarm {
  readonly queue = new EventQueue();
  readonly origins: readonly Machine[];
  readonly machines: Machine[];
  readonly layout: PayloadLayout;
  readonly #network: Network;
  readonly #rates: Float64Array;
  readonly #tracker: TrackerDesk;
  readonly #random: Random;
  readonly #downloads: Downloads;
  readonly #meetings: Meetings;
  readonly #dead = new Set<Machine>();
  /** What messages under way do when they come; the places of those that came are used again. */
  readonly #messages: ((() => void) | null)[] = [];
  readonly #freeMessages: number[] = [];
  /** By the number that the network knows them by. */
  readonly #transfers: SpanRequest[] = [];
  /** The origins, as they know of each other. */
  #replicas: readonly string[];
  #unfinished: number;
  #events = 0;
  #spans = 0;

  constructor(readonly scenario: Scenario) {
    const { hosts, origins, runs, runBytes, zones, seed } = scenario;
    this.#random = seededRandom(seed);
    this.layout = layoutOf([runs * runBytes], runBytes);
    const all = Array.from(
      { length: hosts + origins },
      (_, index) =>
        new Machine(
          index,
          index % zones,
          this.layout,
          seededRandom(seed * 100_003 + index),
          index < origins,
        ),
    );
    this.origins = all.slice(0, origins);
    this.machines = all.slice(origins);
    this.#replicas = this.origins.map(replicaOf);
    this.#unfinished = hosts;
    this.#rates = this.#makeRates();
    this.#network = this.#makeNetwork(all);
    this.#tracker = new TrackerDesk(this.#random, scenario.labelled);
    for (const origin of this.origins) {
      const replicas = { self: replicaOf(origin), alive: () => this.#replicas };
      const complete = () => this.#tracker.complete;
      origin.desk = new OriginDesk(this.layout, this.#random, complete, replicas);
    }
    this.#downloads = new Downloads(this);
    this.#meetings = new Meetings(this, this.#tracker, this.#downloads);
  }

  get now(): number {
    return this.queue.now;
  }

  /** Runs until every machine that lives has everything. */
  run(): Ended {
    this.#begin();
    const limit = this.#limit();
    while (this.#unfinished > 0 && this.queue.next() && this.now < limit) {
      this.#events++;
      const { kind, subject } = this.queue;
      if (kind <= PART_ARRIVED) this.#network.handle(kind, subject);
      else if (kind === MESSAGE) this.#receive(subject);
      else if (kind === TICK) this.#tick(subject);
      else this.#deal(this.origins[subject]!);
    }
    return {
      scenario: this.scenario,
      machines: this.machines,
      dead: this.#dead,
      rates: this.#rates,
      network: this.#network,
      origins: this.origins,
      mostOriginNeighbours: this.#meetings.mostOriginNeighbours,
      spans: this.#spans,
      wasted: this.#downloads.wasted,
      events: this.#events,
    };
  }

  /** After the delay of a message, or `times` of it. */
  later(does: () => void, times = 1): void {
    const delay = this.scenario.delayMs * times * (0.75 + 0.5 * this.#random());
    this.after(delay, does);
  }

  after(ms: number, does: () => void): void {
    const place = this.#freeMessages.pop() ?? this.#messages.length;
    this.#messages[place] = does;
    this.queue.add(this.now + ms, MESSAGE, place);
  }

  /** Something changed at an origin: offers may be due. */
  dealSoon({ desk, index }: Machine): void {
    if (desk!.dealing) return;
    desk!.dealing = true;
    this.queue.add(this.now, DEAL, index);
  }

  /** Sends what waits at a machine, as far as it has slots. */
  serve(machine: Machine): void {
    if (!machine.isWell) return;
    for (let turn = machine.uploads.next(); turn !== null; turn = machine.uploads.next()) {
      const { job } = turn;
      const bytes = this.scenario.runBytes;
      machine.sending.add(job);
      job.transfer = this.#network.start(machine.index, job.to.index, bytes);
      this.#transfers[job.transfer] = job;
      this.#spans++;
      machine.up.add(bytes, this.now);
      if (!machine.desk) continue;
      machine.desk.sends(job.to, this.runOf(job), bytes, this.now);
      this.dealSoon(machine);
    }
  }

  /** Stops sending: the connection is gone. */
  stopSending(job: SpanRequest): void {
    const machine = job.source.from;
    if (!machine.sending.delete(job)) return;
    this.#network.stop(job.transfer);
    machine.uploads.ended();
  }

  runOf({ to, span }: SpanRequest): number {
    return to.planner!.picker.table.runOf[span]!;
  }

  /** A machine has everything. */
  completed(machine: Machine): void {
    machine.doneAt = this.now;
    this.#unfinished--;
    this.#tracker.announce(machine, this.now);
  }

  #begin(): void {
    for (const origin of this.origins) {
      this.#tracker.announce(origin, 0);
      this.queue.add(TICK_MS, TICK, origin.index);
    }
    const { originDies } = this.scenario;
    if (originDies) this.after(this.#bound() * originDies.after, () => this.#originDies());
    for (const machine of this.machines) {
      const at = this.#random() * START_MS;
      this.after(at, () => this.#announce(machine));
      this.queue.add(at + TICK_MS, TICK, machine.index);
    }
    const doomed = Math.ceil(this.scenario.dead * this.machines.length);
    const half = this.#bound() / 2;
    for (let number = 0; number < doomed; number++) {
      const machine = this.machines[Math.floor(this.#random() * this.machines.length)]!;
      if (this.#dead.has(machine)) continue;
      this.#dead.add(machine);
      this.after(half * (0.5 + this.#random()), () => this.#die(machine, number % 2 === 0));
    }
  }

  #announce(machine: Machine): void {
    if (!machine.isWell || machine.doneAt > 0) return;
    this.#meetings.announce(machine);
    this.after(ANNOUNCE_MS * (0.8 + 0.4 * this.#random()), () => this.#announce(machine));
  }

  #die(machine: Machine, silently: boolean): void {
    if (machine.doneAt === 0) this.#unfinished--;
    machine.state = silently ? 'silent' : 'gone';
    this.#network.kill(machine.index);
    if (!silently) this.#meetings.partFromAll(machine);
  }

  /** Without a word: its connections end, as when the system of the machine lives on. */
  #originDies(): void {
    const gone = this.origins[0]!;
    gone.state = 'gone';
    this.#network.kill(gone.index);
    this.#meetings.partFromAll(gone);
    const knownMs = this.scenario.originDies?.knownMs ?? null;
    if (knownMs === null) return;
    this.after(knownMs, () => (this.#replicas = this.origins.slice(1).map(replicaOf)));
  }

  #receive(place: number): void {
    const does = this.#messages[place]!;
    this.#messages[place] = null;
    this.#freeMessages.push(place);
    does();
  }

  #tick(index: number): void {
    const machine = this.origins[index] ?? this.machines[index - this.origins.length]!;
    if (!machine.isWell) return;
    if (machine.desk) {
      this.#offer(machine, machine.desk.expire(this.now), false);
      this.dealSoon(machine);
    } else if (machine.doneAt === 0) {
      this.#downloads.tick(machine, (hung) => this.#meetings.part(machine, hung));
      this.#meetings.dial(machine);
    }
    this.queue.add(this.now + TICK_MS, TICK, index);
  }

  #deal(origin: Machine): void {
    const desk = origin.desk!;
    desk.dealing = false;
    if (origin.isWell) this.#offer(origin, desk.deal(origin.up.rate(this.now), this.now), true);
  }

  #offer(origin: Machine, offers: readonly Offers[], made: boolean): void {
    for (const { to, runs } of offers) {
      this.later(() => this.#downloads.offered(to, origin, runs, made));
    }
  }

  #makeRates(): Float64Array {
    const { linkRate, slow } = this.scenario;
    const { length } = this.origins;
    const rates = new Float64Array(this.machines.length + length).fill(linkRate);
    for (let left = Math.round(slow * this.machines.length); left > 0; left--) {
      rates[length + Math.floor(this.#random() * this.machines.length)] = linkRate * SLOW_RATE;
    }
    return rates;
  }

  #makeNetwork(all: readonly Machine[]): Network {
    const { zones, zoneShare, parts } = this.scenario;
    const zoneRates = new Float64Array(zones);
    for (const { index, zone } of all) {
      // Origins are served by the uplinks of their zones as machines are.
      zoneRates[zone]! += this.#rates[index]! * zoneShare;
    }
    return new Network({
      queue: this.queue,
      rates: this.#rates,
      zoneOf: Uint8Array.from(all, ({ zone }) => zone),
      zoneRates,
      parts,
      sent: (transfer) => {
        const job = this.#transfers[transfer]!;
        const { from } = job.source;
        from.sending.delete(job);
        from.uploads.ended();
        this.serve(from);
      },
      arrived: (transfer) => this.#downloads.arrived(this.#transfers[transfer]!),
    });
  }

  #bound(): number {
    const { runs, runBytes, linkRate } = this.scenario;
    return (runs * runBytes) / linkRate;
  }

  #limit(): number {
    return (this.#bound() * 3) / (this.scenario.slow > 0 ? SLOW_RATE : 1);
  }
}

function replicaOf({ index }: Machine): string {
  return `replica ${index}`;
}
