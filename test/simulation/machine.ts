import type { Random } from '#lib/runtime';

import { Bitfield } from '../../libs/swarm/src/bitfield.js';
import { DialPolicy } from '../../libs/swarm/src/policy/dial.policy.js';
import type { PayloadLayout } from '../../libs/swarm/src/policy/payload.layout.js';
import { PickerPeer, type Distance } from '../../libs/swarm/src/policy/picker.peer.js';
import { RateMeter } from '../../libs/swarm/src/policy/rate.meter.js';
import { seedOf } from '../../libs/swarm/src/policy/rendezvous.score.js';
import { RequestDepth } from '../../libs/swarm/src/policy/request.depth.js';
import { RequestPlanner, Source } from '../../libs/swarm/src/policy/request.planner.js';
import { RunHoldings } from '../../libs/swarm/src/policy/run.holdings.js';
import { SpanPicker } from '../../libs/swarm/src/policy/span.picker.js';
import { SpanTable } from '../../libs/swarm/src/policy/span.table.js';
import {
  UPLOAD_QUEUE_LIMIT,
  UPLOADS_AT_ONCE,
  UploadScheduler,
} from '../../libs/swarm/src/policy/upload.scheduler.js';
import type { OriginDesk } from './origin-desk.js';

/** A rate is good for so long, milliseconds. */
const RATED_MS = 100;

/** A span that was asked for, until it ended at both ends. */
export interface SpanRequest {
  readonly to: Machine;
  readonly source: MachineSource;
  readonly span: number;
  readonly askedAt: number;
  /** The asker has no use for it any more. */
  given: boolean;
  /** Of the network; -1 before it is sent. */
  transfer: number;
}

class MachinePeer extends PickerPeer {
  source!: MachineSource;
}

/** What a machine has asked of a neighbour. */
export class MachineSource extends Source {
  readonly requests = new Map<number, SpanRequest>();
  lastBytesAt = -Infinity;
  snubbedAt = 0;
  restsUntil = 0;

  constructor(
    readonly from: Machine,
    holdings: RunHoldings,
    distance: Distance,
    now: number,
  ) {
    const pick = new MachinePeer(holdings, distance, from.seed);
    super(pick, new RequestDepth(now));
    pick.source = this;
  }

  static of(pick: PickerPeer | null): MachineSource | null {
    return pick instanceof MachinePeer ? pick.source : null;
  }
}

/** Who hears of what a machine gets. */
export interface Listener {
  readonly at: Machine;
  /** What it keeps of the machine. */
  readonly source: MachineSource;
  /** Pieces that it was not told of: it has enough to ask for. */
  untold: number[];
}

/** One machine: the policies that make up the engine there, without sockets and disks. */
export class Machine {
  /** What it has, and what its neighbours have heard of. */
  readonly have: Bitfield;
  readonly told: Bitfield;
  readonly planner: RequestPlanner<MachineSource> | null;
  readonly uploads: UploadScheduler<Machine, SpanRequest>;
  /** What is being sent. */
  readonly sending = new Set<SpanRequest>();
  readonly neighbours = new Map<Machine, MachineSource | null>();
  readonly dials: DialPolicy<Machine>;
  readonly down: RateMeter;
  readonly up: RateMeter;
  readonly listeners: Listener[] = [];
  /** Listeners are about to be told what they could wait for. */
  telling = false;
  /** Of an origin: who is offered what. */
  desk: OriginDesk | null = null;
  /** `silent`: it is gone, and nobody knows. */
  state: 'well' | 'silent' | 'gone' = 'well';
  /** Tells it from others of its zone. */
  readonly seed: number;
  #rate = 0;
  #ratedAt = 0;
  /** When it had everything, milliseconds; 0 before. */
  doneAt = 0;

  constructor(
    readonly index: number,
    readonly zone: number,
    layout: PayloadLayout,
    random: Random,
    readonly isOrigin: boolean,
  ) {
    this.have = isOrigin ? Bitfield.full(layout.pieceCount) : new Bitfield(layout.pieceCount);
    this.told = new Bitfield(layout.pieceCount);
    this.seed = seedOf(`machine ${index}`);
    const table = new SpanTable(layout, this.have);
    const usual = layout.length / layout.runCount;
    this.planner = isOrigin
      ? null
      : new RequestPlanner(new SpanPicker(table, random, null, this.seed), usual, random);

    const hasOf = isOrigin ? null : ({ told }: Machine) => told.count;
    this.uploads = new UploadScheduler(UPLOADS_AT_ONCE, UPLOAD_QUEUE_LIMIT, hasOf);
    this.down = new RateMeter(0);
    this.up = new RateMeter(0);
    const kind = {
      keyOf: (machine: Machine) => String(machine.index),
      isPreferred: (machine: Machine) => machine.isOrigin,
    };
    this.dials = new DialPolicy(kind, { random });
  }

  get isWell(): boolean {
    return this.state === 'well';
  }

  /** Bytes a second that arrive; measured now and then, as that takes its time. */
  downRate(now: number): number {
    if (now - this.#ratedAt < RATED_MS) return this.#rate;
    this.#ratedAt = now;
    this.#rate = this.down.rate(now);
    return this.#rate;
  }
}
