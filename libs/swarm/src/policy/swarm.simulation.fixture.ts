import { seededRandom, type Random } from '#lib/runtime';

import { Bitfield } from '../bitfield.js';
import { CopyBudget } from './copy.budget.js';
import type { CopyMember } from './copy.member.js';
import type { PayloadLayout } from './payload.layout.js';
import { PickerPeer } from './picker.peer.js';
import { layoutOf } from './policy.fixture.js';
import { RequestDepth } from './request.depth.js';
import { RequestPlanner, Source } from './request.planner.js';
import { RunHoldings } from './run.holdings.js';
import { SpanPicker } from './span.picker.js';
import { SpanTable } from './span.table.js';
import { UploadScheduler } from './upload.scheduler.js';

export interface SimulationOptions {
  readonly hosts: number;
  readonly runs: number;
  /** Dials of each host. */
  readonly dials: number;
  readonly seed: number;
}

export interface SimulationResult {
  /** When the last host was complete, as a multiple of the fluid bound. */
  readonly lastOverBound: number;
  /** Payload bytes that the origin sent, in copies. */
  readonly originCopies: number;
  /** Spans that arrived where they were there already, as a share of all. */
  readonly wasted: number;
}

interface Job {
  readonly to: Host;
  readonly source: HostSource;
  readonly span: number;
  readonly askedAt: number;
  left: number;
  startsAt: number;
  rate: number;
  dead: boolean;
}

const SPAN_BYTES = 128 * 1024;
/** One host alone gets a span in this time, milliseconds. */
const SPAN_MS = 20;
const STEP_MS = 2;
/** From a request to its first byte on an idle link, milliseconds. */
const HOP_MS = 1;
const SHARING_PASSES = 3;

class HostSource extends Source {
  constructor(
    readonly from: Host,
    pick: PickerPeer,
  ) {
    super(pick, new RequestDepth(0));
  }
}

/** A machine: the policies of the engine, and links that are shared evenly by transfers. */
class Host {
  readonly have: Bitfield;
  readonly uploads = new UploadScheduler<Host, Job>();
  readonly sending: Job[] = [];
  readonly requests: Job[] = [];
  readonly planner: RequestPlanner<HostSource>;
  readonly neighbours = new Map<Host, HostSource>();
  spareUp = 1;
  spareDown = 1;
  takenUp = 0;
  takenDown = 0;
  upShares = 0;
  downShares = 0;
  member: CopyMember | null = null;
  doneAt = 0;

  constructor(
    layout: PayloadLayout,
    readonly isOrigin: boolean,
    random: Random,
  ) {
    this.have = isOrigin ? Bitfield.full(layout.pieceCount) : new Bitfield(layout.pieceCount);
    const table = new SpanTable(layout, this.have);
    this.planner = new RequestPlanner(new SpanPicker(table, random), SPAN_BYTES, random);
  }
}

/** All hosts start at once on equal links; the policies are the real ones, the network is not. */
export function simulateSwarm(options: SimulationOptions): SimulationResult {
  return new Simulation(options).run();
}

class Simulation {
  readonly #random: Random;
  readonly #layout: PayloadLayout;
  readonly #origin: Host;
  readonly #hosts: Host[];
  readonly #all: Host[];
  readonly #budget: CopyBudget;
  #now = 0;
  #originSpans = 0;
  #spans = 0;
  #wasted = 0;

  constructor(private readonly options: SimulationOptions) {
    this.#random = seededRandom(options.seed);
    this.#layout = layoutOf([options.runs * SPAN_BYTES], SPAN_BYTES);
    this.#origin = new Host(this.#layout, true, this.#random);
    this.#hosts = Array.from(
      { length: options.hosts },
      (_, index) => new Host(this.#layout, false, seededRandom(options.seed * 1000 + index)),
    );
    this.#all = [this.#origin, ...this.#hosts];
    this.#budget = new CopyBudget(this.#layout, { random: this.#random });
    for (const host of this.#hosts) this.#connect(host);
  }

  run(): SimulationResult {
    const { hosts, runs } = this.options;
    const alone = runs * SPAN_MS;
    while (this.#hosts.some((host) => host.doneAt === 0) && this.#now < 20 * alone) this.#step();
    const last = Math.max(...this.#hosts.map((host) => host.doneAt || Infinity));
    return {
      lastOverBound: last / Math.max(alone, (hosts * alone) / (hosts + 1)),
      originCopies: this.#originSpans / runs,
      wasted: this.#wasted / this.#spans,
    };
  }

  #connect(host: Host): void {
    this.#meet(host, this.#origin);
    const holdings = new RunHoldings(this.#layout, host.have, null);
    host.member = this.#budget.join(holdings, 0);
    for (let tries = 0; tries < this.options.dials; tries++) {
      const other = this.#hosts[Math.floor(this.#random() * this.#hosts.length)]!;
      if (other === host || host.neighbours.has(other)) continue;
      this.#meet(host, other);
      this.#meet(other, host);
    }
  }

  #meet(host: Host, other: Host): void {
    const nothing = new Bitfield(this.#layout.pieceCount);
    const pick = new PickerPeer(new RunHoldings(this.#layout, nothing, null));
    const source = new HostSource(other, pick);
    host.neighbours.set(other, source);
    host.planner.add(source);
  }

  #step(): void {
    for (const { member, run } of this.#budget.deal(0, this.#now)) {
      const host = this.#hosts.find((other) => other.member === member)!;
      host.planner.picker.offer(host.neighbours.get(this.#origin)!.pick, run);
    }
    for (const host of this.#hosts) this.#fill(host);
    for (const host of this.#all) this.#serve(host);
    this.#share();
    this.#now += STEP_MS;
    for (const host of this.#all) this.#transfer(host);
  }

  #fill(host: Host): void {
    for (;;) {
      const planned = host.planner.next(0, this.#now);
      if (planned === null) return;
      const { source, span } = planned;
      const job = {
        to: host,
        source,
        span,
        askedAt: this.#now,
        left: SPAN_MS,
        startsAt: 0,
        rate: 0,
        dead: false,
      };
      host.requests.push(job);
      source.from.uploads.accept(host, job);
      const run = host.planner.picker.table.runOf[span]!;
      if (source.from.isOrigin) this.#budget.requested(host.member!, run, this.#now);
    }
  }

  #serve(host: Host): void {
    for (let turn = host.uploads.next(); turn !== null; turn = host.uploads.next()) {
      if (turn.job.dead) {
        host.uploads.ended();
        continue;
      }
      turn.job.startsAt = this.#now + HOP_MS;
      host.sending.push(turn.job);
    }
  }

  /** Shares out all links as TCP does, nearly: what one end cannot use goes to the other transfers. */
  #share(): void {
    const active: Job[] = [];
    for (const host of this.#all) {
      host.spareUp = host.spareDown = 1;
      for (const job of host.sending) {
        job.rate = 0;
        if (job.startsAt <= this.#now) active.push(job);
      }
    }
    for (let pass = 0; pass < SHARING_PASSES; pass++) {
      for (const host of this.#all) host.upShares = host.downShares = 0;
      for (const { source, to } of active) {
        if (source.from.spareUp < 0.001 || to.spareDown < 0.001) continue;
        source.from.upShares++;
        to.downShares++;
      }
      for (const job of active) this.#raise(job, job.source.from, job.to);
      for (const host of this.#all) {
        host.spareUp -= host.takenUp;
        host.spareDown -= host.takenDown;
        host.takenUp = host.takenDown = 0;
      }
    }
  }

  #raise(job: Job, from: Host, to: Host): void {
    if (from.spareUp < 0.001 || to.spareDown < 0.001) return;
    const more = Math.min(from.spareUp / from.upShares, to.spareDown / to.downShares);
    job.rate += more;
    from.takenUp += more;
    to.takenDown += more;
  }

  #transfer(host: Host): void {
    for (const job of host.sending.slice()) {
      job.left -= job.rate * STEP_MS;
      if (job.left <= 0) this.#arrived(host, job);
    }
  }

  #arrived(from: Host, job: Job): void {
    from.sending.splice(from.sending.indexOf(job), 1);
    from.uploads.ended();
    const { to, span, source } = job;
    const { picker } = to.planner;
    this.#spans++;
    if (from.isOrigin) {
      this.#originSpans++;
      this.#budget.sent(to.member!, picker.table.runOf[span]!, SPAN_BYTES, this.#now);
    }
    if (job.dead || !picker.isWanted(span)) {
      this.#wasted++;
      return;
    }
    this.#end(job);
    to.planner.took(this.#now - job.askedAt);
    source.depth.delivered(SPAN_BYTES, this.#now);
    const other = picker.received(span, source.pick);
    const rival = to.requests.find(
      (request) => request.span === span && request.source.pick === other,
    );
    if (rival) this.#cancel(rival);
    picker.verified(span);
    this.#announce(to, picker.table.firstPiece[span]!);
  }

  #announce(host: Host, piece: number): void {
    host.have.set(piece);
    this.#budget.gained(host.member!, piece, this.#now);
    for (const neighbour of host.neighbours.keys()) {
      const known = neighbour.neighbours.get(host);
      if (known) neighbour.planner.picker.peerGained(known.pick, piece);
    }
    if (host.have.all) host.doneAt = this.#now;
  }

  #cancel(job: Job): void {
    this.#end(job);
    job.dead = true;
    job.source.from.uploads.cancel(job.to, (other) => other === job);
  }

  #end(job: Job): void {
    job.to.requests.splice(job.to.requests.indexOf(job), 1);
    job.to.planner.ended(job.source);
  }
}
