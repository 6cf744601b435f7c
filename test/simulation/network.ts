import type { EventQueue } from './event-queue.js';

/** Kinds of events that are the network's. */
export const PART_LEFT = 0;
const PART_AT_ZONE = 1;
const PART_AT_HOST = 2;
export const PART_ARRIVED = 3;

/** Parts of one transfer that are under way: what a window of TCP does. */
const WINDOW = 4;
const NONE = -1;

export interface NetworkOptions {
  readonly queue: EventQueue;
  /** Bytes a millisecond of each machine, each way. */
  readonly rates: Float64Array;
  readonly zoneOf: Uint8Array;
  /** Bytes a millisecond of each zone's uplink, each way. */
  readonly zoneRates: Float64Array;
  /** How many parts a transfer is cut into. */
  readonly parts: number;
  /** The last byte left the sender. */
  readonly sent: (transfer: number) => void;
  /** The last byte arrived. */
  readonly arrived: (transfer: number) => void;
}

/**
 * Links of machines and zones. A sender sends parts of its transfers in turn, each transfer at most
 * {@link WINDOW} parts ahead of its receiver; zones' uplinks and receivers take parts in the order in which they
 * come. So every link is shared evenly among the transfers that can use it, and what one cannot use
 * goes to the others, as with TCP, at the cost of two events a part and nothing that depends on the
 * size of the swarm.
 */
export class Network {
  /** Payload bytes between each pair of zones, `from * zones + to`. */
  readonly zoneBytes: Float64Array;
  readonly #options: NetworkOptions;
  readonly #zones: number;
  /** Transfers of each sender, the next in turn first. */
  readonly #sending: number[][];
  readonly #busy: Uint8Array;
  readonly #dead: Uint8Array;
  /** When each receiver and each zone, out and in, is done with what came. */
  readonly #hostFree: Float64Array;
  readonly #outFree: Float64Array;
  readonly #inFree: Float64Array;
  #from = new Int32Array(1024);
  #to = new Int32Array(1024);
  #bytes = new Float64Array(1024);
  #unsent = new Int32Array(1024);
  #underWay = new Int32Array(1024);
  #count = 0;
  readonly #unused: number[] = [];

  constructor(options: NetworkOptions) {
    this.#options = options;
    const hosts = options.rates.length;
    this.#zones = options.zoneRates.length;
    this.zoneBytes = new Float64Array(this.#zones ** 2);
    this.#sending = Array.from({ length: hosts }, () => []);
    this.#busy = new Uint8Array(hosts);
    this.#dead = new Uint8Array(hosts);
    this.#hostFree = new Float64Array(hosts);
    this.#outFree = new Float64Array(this.#zones);
    this.#inFree = new Float64Array(this.#zones);
  }

  /** Begins to send. @returns the number of the transfer, which is good until it arrived or ended */
  start(from: number, to: number, bytes: number): number {
    const transfer = this.#unused.pop() ?? this.#count++;
    if (transfer >= this.#from.length) this.#grow();
    this.#from[transfer] = from;
    this.#to[transfer] = to;
    this.#bytes[transfer] = bytes / this.#options.parts;
    this.#unsent[transfer] = this.#options.parts;
    this.#underWay[transfer] = 0;
    this.#sending[from]!.push(transfer);
    this.#send(from);
    return transfer;
  }

  /** The connection of the transfer ended: nothing more of it arrives. */
  stop(transfer: number): void {
    const sending = this.#sending[this.#from[transfer]!]!;
    const at = sending.indexOf(transfer);
    if (at >= 0) sending.splice(at, 1);
    this.#unsent[transfer] = NONE;
    if (this.#underWay[transfer] === 0) this.#unused.push(transfer);
  }

  /** The machine is gone: it sends nothing more, and what is sent to it is lost. */
  kill(host: number): void {
    this.#dead[host] = 1;
    this.#sending[host]!.length = 0;
  }

  /** An event of one of the network's kinds. */
  handle(kind: number, subject: number): void {
    if (kind === PART_LEFT) this.#left(subject);
    else if (kind === PART_AT_ZONE) this.#enterZone(subject);
    else if (kind === PART_AT_HOST) this.#enterHost(subject);
    else this.#arrived(subject);
  }

  #send(host: number): void {
    if (this.#busy[host] === 1) return;
    const sending = this.#sending[host]!;
    for (let tries = sending.length; tries > 0; tries--) {
      const transfer = sending.shift()!;
      sending.push(transfer);
      if (this.#underWay[transfer]! >= WINDOW) {
        this.#holdsNoPlace(transfer);
        if (this.#busy[host] === 1) return;
        continue;
      }
      this.#busy[host] = 1;
      this.#underWay[transfer]!++;
      const { queue, rates } = this.#options;
      // Whose turn it was is the last in the list when the part has left.
      queue.add(queue.now + this.#bytes[transfer]! / rates[host]!, PART_LEFT, transfer);
      return;
    }
  }

  /** Who takes nothing more keeps no other from being sent something. */
  #holdsNoPlace(transfer: number): void {
    if (this.#dead[this.#to[transfer]!] === 0) return;
    this.stop(transfer);
    this.#options.sent(transfer);
  }

  #left(transfer: number): void {
    const { queue, zoneOf, zoneRates, sent } = this.#options;
    const from = this.#from[transfer]!;
    this.#busy[from] = 0;
    if (this.#unsent[transfer]! > 0 && --this.#unsent[transfer]! === 0) {
      const sending = this.#sending[from]!;
      const at = sending.lastIndexOf(transfer);
      if (at >= 0) sending.splice(at, 1);
      if (this.#dead[from] === 0) sent(transfer);
    }
    if (this.#dead[from] === 0) this.#send(from);
    const zone = zoneOf[from]!;
    const bytes = this.#bytes[transfer]!;
    this.zoneBytes[zone * this.#zones + zoneOf[this.#to[transfer]!]!]! += bytes;
    if (zone === zoneOf[this.#to[transfer]!]) {
      this.#enterHost(transfer);
      return;
    }
    const done = Math.max(queue.now, this.#outFree[zone]!) + bytes / zoneRates[zone]!;
    this.#outFree[zone] = done;
    queue.add(done, PART_AT_ZONE, transfer);
  }

  #enterZone(transfer: number): void {
    const { queue, zoneOf, zoneRates } = this.#options;
    const zone = zoneOf[this.#to[transfer]!]!;
    const spent = this.#bytes[transfer]! / zoneRates[zone]!;
    const done = Math.max(queue.now, this.#inFree[zone]!) + spent;
    this.#inFree[zone] = done;
    queue.add(done, PART_AT_HOST, transfer);
  }

  #enterHost(transfer: number): void {
    const { queue, rates } = this.#options;
    const to = this.#to[transfer]!;
    const spent = this.#bytes[transfer]! / rates[to]!;
    const done = Math.max(queue.now, this.#hostFree[to]!) + spent;
    this.#hostFree[to] = done;
    queue.add(done, PART_ARRIVED, transfer);
  }

  #arrived(transfer: number): void {
    const from = this.#from[transfer]!;
    const to = this.#to[transfer]!;
    // Nobody confirms: the window of the sender stays full.
    if (this.#dead[to] === 1 && this.#unsent[transfer] !== NONE) return;
    const underWay = --this.#underWay[transfer]!;
    const unsent = this.#unsent[transfer]!;
    if (underWay === 0 && unsent <= 0) this.#unused.push(transfer);
    if (underWay === 0 && unsent === 0) this.#options.arrived(transfer);
    if (this.#dead[from] === 0) this.#send(from);
  }

  #grow(): void {
    const capacity = this.#from.length * 2;
    const grown = <A extends { set(values: A): void }>(array: A, larger: A): A => {
      larger.set(array);
      return larger;
    };
    this.#from = grown(this.#from, new Int32Array(capacity));
    this.#to = grown(this.#to, new Int32Array(capacity));
    this.#bytes = grown(this.#bytes, new Float64Array(capacity));
    this.#unsent = grown(this.#unsent, new Int32Array(capacity));
    this.#underWay = grown(this.#underWay, new Int32Array(capacity));
  }
}
