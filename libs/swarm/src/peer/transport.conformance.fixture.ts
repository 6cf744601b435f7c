import { randomBytes } from 'node:crypto';

import { afterEach, expect, it } from 'vitest';

import type { Transport, TransportHandler } from './transport.js';

/** The two ends of one connection, neither of them started. */
export interface TransportPair {
  readonly dialled: Transport;
  readonly accepted: Transport;
  readonly cleanUp?: () => Promise<void>;
}

/** Keeps what a transport tells. */
class Listener implements TransportHandler {
  readonly events: string[] = [];
  readonly chunks: Buffer[] = [];
  error: Error | null = null;
  /** Where it wants the bytes that come next. */
  wanted: Uint8Array | null = null;
  /** How many of them came there, and how many elsewhere before. */
  inPlace = 0;
  before = 0;

  connected(): void {
    this.events.push('connected');
  }

  data(chunk: Uint8Array): void {
    this.chunks.push(Buffer.from(chunk));
    if (this.events.at(-1) !== 'data') this.events.push('data');
    const { wanted } = this;
    if (wanted?.buffer !== chunk.buffer || wanted.byteOffset !== chunk.byteOffset) {
      if (this.inPlace === 0) this.before += chunk.length;
      return;
    }
    this.inPlace += chunk.length;
    this.wanted = chunk.length < wanted.length ? wanted.subarray(chunk.length) : null;
  }

  into(): Uint8Array | null {
    return this.wanted;
  }

  closed(error: Error | null): void {
    this.error = error;
    this.events.push('closed');
  }

  get bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }
}

const MIB = 1024 * 1024;

function eventually<T>(value: () => T) {
  return expect.poll(value, { timeout: 20_000, interval: 5 });
}

/** What the contract of {@link Transport} says. */
export function transportsKeepTheContract(open: () => Promise<TransportPair>): void {
  let cleanUp: (() => Promise<void>) | undefined;

  async function started() {
    const pair = await open();
    cleanUp = pair.cleanUp;
    const near = new Listener();
    const far = new Listener();
    pair.dialled.start(near);
    pair.accepted.start(far);
    await eventually(() => near.events).toEqual(['connected']);
    return { ...pair, near, far };
  }

  afterEach(async () => {
    await cleanUp?.();
    cleanUp = undefined;
  });

  it('delivers what was sent, in order and both ways at once', async () => {
    const { dialled, accepted, near, far } = await started();
    const there = randomBytes(3 * MIB + 17);
    const back = randomBytes(2 * MIB + 1);
    dialled.send(there.subarray(0, 5), there.subarray(5, MIB));
    dialled.send(there.subarray(MIB));
    accepted.send(back.subarray(0, 68), back.subarray(68));
    await eventually(() => far.bytes.length).toBe(there.length);
    await eventually(() => near.bytes.length).toBe(back.length);
    expect(far.bytes.equals(there)).toBe(true);
    expect(near.bytes.equals(back)).toBe(true);
    dialled.close();
  });

  it('keeps for the accepted end what came before it was started', async () => {
    const pair = await open();
    cleanUp = pair.cleanUp;
    const near = new Listener();
    const far = new Listener();
    pair.dialled.start(near);
    await eventually(() => near.events).toEqual(['connected']);
    const taken = Promise.withResolvers<void>();
    pair.dialled.send(Buffer.from('early'), undefined, taken.resolve);
    await taken.promise;
    expect(far.events).toEqual([]);
    pair.accepted.start(far);
    await eventually(() => far.bytes.toString()).toBe('early');
    pair.dialled.close();
  });

  it('says once that bytes were taken, and not while they are being sent', async () => {
    const { dialled, far } = await started();
    let told = 0;
    dialled.send(Buffer.alloc(MIB), Buffer.alloc(MIB), () => told++);
    expect(told).toBe(0);
    expect(dialled.queuedBytes).toBe(2 * MIB);
    await eventually(() => far.bytes.length).toBe(2 * MIB);
    await eventually(() => told).toBe(1);
    expect(dialled.queuedBytes).toBe(0);
    dialled.close();
  });

  it('says so of bytes that a close drops, too', async () => {
    const { dialled } = await started();
    dialled.close();
    let told = 0;
    dialled.send(Buffer.alloc(16), undefined, () => told++);
    expect(told).toBe(0);
    await eventually(() => told).toBe(1);
  });

  it('delivers nothing while it is paused, and all of it afterwards', async () => {
    const { dialled, accepted, near } = await started();
    dialled.pause();
    const taken = Promise.withResolvers<void>();
    accepted.send(Buffer.from('later'), undefined, taken.resolve);
    await taken.promise;
    expect(near.chunks).toEqual([]);
    dialled.resume();
    await eventually(() => near.bytes.toString()).toBe('later');
    dialled.close();
  });

  it('puts bytes into memory that was named for them, and what comes after elsewhere', async () => {
    const { dialled, accepted, near } = await started();
    const memory = new Uint8Array(new SharedArrayBuffer(MIB + 2)).fill(0xee);
    near.wanted = memory.subarray(1, MIB + 1);
    const bytes = randomBytes(3 * MIB);
    // The first read may be aimed already at where nothing is wanted yet.
    accepted.send(bytes.subarray(0, 1));
    await eventually(() => near.bytes.length).toBe(1);
    accepted.send(bytes.subarray(1));
    await eventually(() => near.bytes.length).toBe(bytes.length);
    expect(near.bytes.equals(bytes)).toBe(true);
    expect(near.inPlace).toBeGreaterThan(MIB - 64 * 1024);
    const { before, inPlace } = near;
    const there = Buffer.from(memory.subarray(1, 1 + inPlace));
    expect(there.equals(bytes.subarray(before, before + inPlace))).toBe(true);
    expect([memory[0], memory[MIB + 1]]).toEqual([0xee, 0xee]);
    dialled.close();
  });

  it('does not write to memory that was taken back', async () => {
    const { dialled, accepted, near } = await started();
    const memory = new Uint8Array(MIB);
    near.wanted = memory;
    accepted.send(Buffer.from('x'));
    await eventually(() => near.bytes.length).toBe(1);
    near.wanted = null;
    dialled.retarget();
    memory.fill(0xee);
    const bytes = randomBytes(MIB);
    accepted.send(bytes);
    await eventually(() => near.bytes.length).toBe(MIB + 1);
    expect(near.bytes.subarray(1).equals(bytes)).toBe(true);
    expect(memory.every((byte) => byte === 0xee)).toBe(true);
    dialled.close();
  });

  it('tells both ends once, and last, that it was closed on purpose', async () => {
    const { dialled, accepted, near, far } = await started();
    accepted.send(Buffer.from('x'));
    await eventually(() => near.events).toEqual(['connected', 'data']);
    dialled.close();
    dialled.close();
    await eventually(() => near.events).toEqual(['connected', 'data', 'closed']);
    await eventually(() => far.events).toEqual(['closed']);
    expect([near.error, far.error]).toEqual([null, null]);
    accepted.close();
  });
}
