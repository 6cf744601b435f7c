import { LONGEST_WAIT_MS, canWait } from '../../libs/swarm/src/policy/have.patience.js';
import { isOverdue } from '../../libs/swarm/src/policy/request.deadline.js';
import { MachineSource, type Listener, type Machine, type SpanRequest } from './machine.js';
import type { Swarm } from './swarm.js';

/** Who rejected something is not asked again for this long, milliseconds. */
const REST_MS = 250;
/** Who owes something for so long is parted from, milliseconds. */
const HUNG_MS = 20_000;

/** What the engine's downloader does, with messages that take their time in place of sockets. */
export class Downloads {
  /** Spans that came where they were there already. */
  wasted = 0;

  constructor(private readonly swarm: Swarm) {}

  /** Sends the requests that the planner wants sent. */
  fill(machine: Machine): void {
    const { planner } = machine;
    if (planner === null || !machine.isWell || machine.doneAt > 0) return;
    const { now } = this.swarm;
    const rate = machine.downRate(now);
    for (;;) {
      const planned = planner.next(rate, now);
      if (planned === null) return;
      const { source, span } = planned;
      const request = { to: machine, source, span, askedAt: now, given: false, transfer: -1 };
      source.requests.set(span, request);
      this.swarm.later(() => this.#requested(request));
    }
  }

  /** The origin offers runs, or takes offers back. */
  offered(machine: Machine, origin: Machine, runs: readonly number[], made: boolean): void {
    const source = machine.neighbours.get(origin);
    if (!source || !machine.isWell) return;
    const { picker } = machine.planner!;
    for (const run of runs) {
      if (made) picker.offer(source.pick, run);
      else picker.withdrawOffer(source.pick, run);
    }
    this.fill(machine);
  }

  /** All bytes of a span came. */
  arrived(request: SpanRequest): void {
    const { to, source, span } = request;
    if (!to.isWell) return;
    const { now } = this.swarm;
    const bytes = this.swarm.scenario.runBytes;
    to.down.add(bytes, now);
    source.depth.delivered(bytes, now);
    source.lastBytesAt = now;
    source.snubbed = false;
    source.snubbedAt = 0;
    const { planner } = to;
    if (request.given) {
      this.wasted++;
    } else {
      source.requests.delete(span);
      planner!.ended(source);
      planner!.took(source, request.askedAt, now);
      this.#received(request);
    }
    this.fill(to);
  }

  /** Deadlines. */
  tick(machine: Machine, part: (from: Machine) => void): void {
    const { now } = this.swarm;
    for (const source of machine.planner!.sources.slice()) {
      if (source.restsUntil > 0 && now >= source.restsUntil) {
        source.restsUntil = 0;
        source.full = false;
      }
      this.#callIn(machine, source);
      if (source.snubbed && now - source.snubbedAt > HUNG_MS) part(source.from);
    }
    machine.planner!.tick();
    this.fill(machine);
  }

  /** The asker tells that it does not want the span any more. */
  giveUp(request: SpanRequest): void {
    this.#forget(request);
    this.swarm.later(() => this.#cancelled(request));
  }

  #received({ to, source, span }: SpanRequest): void {
    const { picker } = to.planner!;
    if (!picker.isWanted(span)) {
      this.wasted++;
      return;
    }
    const rival = MachineSource.of(picker.received(span, source.pick))?.requests.get(span);
    if (rival) this.giveUp(rival);
    picker.verified(span);
    const piece = picker.table.firstPiece[span]!;
    to.have.set(piece);
    if (to.have.all) this.swarm.completed(to);
    this.swarm.later(() => this.#tell(to, piece));
  }

  #tell(machine: Machine, piece: number): void {
    if (machine.state === 'gone') return;
    machine.told.set(piece);
    for (const origin of this.swarm.origins) {
      if (!origin.isWell || !origin.neighbours.has(machine)) continue;
      origin.desk!.gained(machine, piece, this.swarm.now);
      this.swarm.dealSoon(origin);
    }
    for (const listener of machine.listeners) {
      const { at, untold } = listener;
      untold.push(piece);
      // A run is a piece here.
      if (canWait(machine.told, at.told, 1, untold.length)) this.#tellLater(machine);
      else this.#tellAll(listener);
    }
  }

  #tellLater(machine: Machine): void {
    if (machine.telling) return;
    machine.telling = true;
    this.swarm.after(LONGEST_WAIT_MS, () => {
      machine.telling = false;
      if (machine.isWell) for (const listener of machine.listeners) this.#tellAll(listener);
    });
  }

  #tellAll(listener: Listener): void {
    const { at, source, untold } = listener;
    listener.untold = [];
    if (untold.length === 0 || !at.isWell || at.doneAt > 0) return;
    for (const piece of untold) at.planner!.picker.peerGained(source.pick, piece);
    this.fill(at);
  }

  #requested(request: SpanRequest): void {
    const { to, source } = request;
    const { from } = source;
    if (!from.isWell || !from.neighbours.has(to) || request.given) return;
    const run = this.swarm.runOf(request);
    const allowed = !from.desk || from.desk.requested(to, run, this.swarm.now);
    if (!allowed || !from.uploads.accept(to, request)) {
      this.swarm.later(() => this.#rejected(request));
      return;
    }
    this.swarm.serve(from);
  }

  #rejected(request: SpanRequest): void {
    if (request.given) return;
    this.#forget(request);
    const { source, to } = request;
    source.restsUntil = this.swarm.now + REST_MS;
    source.full = true;
    this.fill(to);
  }

  #cancelled(request: SpanRequest): void {
    request.source.from.uploads.cancel(request.to, (other) => other === request);
  }

  #forget(request: SpanRequest): void {
    const { to, source, span } = request;
    request.given = true;
    source.requests.delete(span);
    to.planner!.ended(source);
    to.planner!.picker.release(span, source.pick);
  }

  #callIn(machine: Machine, source: MachineSource): void {
    if (source.requests.size === 0) return;
    const { now, scenario } = this.swarm;
    let oldestAt = Infinity;
    for (const { askedAt } of source.requests.values()) oldestAt = Math.min(oldestAt, askedAt);
    const outstandingBytes = source.requests.size * scenario.runBytes;
    const rate = machine.planner!.rateOf(source);
    const { lastBytesAt } = source;
    if (!isOverdue({ oldestAt, lastBytesAt, outstandingBytes, rate }, now)) return;
    if (!source.snubbed) source.snubbedAt = now;
    source.snubbed = true;
    const { picker } = machine.planner!;
    for (const span of source.requests.keys()) {
      const rival = MachineSource.of(picker.rivalOf(span, source.pick));
      if (rival?.snubbed) this.giveUp(rival.requests.get(span)!);
      picker.late(span);
    }
  }
}
