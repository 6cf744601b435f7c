import { describe, expect, it } from 'vitest';

import type { FleetseedError } from '#lib/contracts';
import { VirtualClock } from '#lib/runtime';
import { peerIdOf, type BlockKind, type Handshake } from '#lib/wire';

import { Bitfield } from '../bitfield.js';
import { memoryTransports } from './memory.transport.js';
import { PeerConnection } from './peer-connection.js';
import { PEER_TIMEOUTS, type PeerHandler, type PeerIdentity } from './peer.types.js';

const PIECES = 20;
const SECRET = Buffer.from('secret');

function identityOf(options: Partial<PeerIdentity> = {}): PeerIdentity {
  return {
    infoHashV1: Buffer.alloc(20, 1),
    infoHashV1Only: null,
    infoHashV2: Buffer.alloc(32, 2),
    pieceCount: PIECES,
    peerId: peerIdOf(),
    role: 'agent',
    zone: null,
    swarmSecret: SECRET,
    listenPort: 6881,
    uploadOnly: false,
    metadataOf: () => null,
    admits: () => false,
    ...options,
  };
}

/** Notes what it is told, and takes every block. */
class NotingHandler implements PeerHandler {
  readonly notes: string[] = [];
  readonly blocks: Buffer[] = [];

  gained(piece: number): void {
    this.notes.push(`gained ${piece}`);
  }

  hasNew(): void {
    this.notes.push('has new');
  }

  lost(piece: number): void {
    this.notes.push(`lost ${piece}`);
  }

  requested(kind: BlockKind, index: number, begin: number, length: number): void {
    this.notes.push(`requested ${kind} ${index} ${begin} ${length}`);
  }

  cancelled(kind: BlockKind, index: number, begin: number, length: number): void {
    this.notes.push(`cancelled ${kind} ${index} ${begin} ${length}`);
  }

  rejected(kind: BlockKind, index: number, begin: number, length: number): void {
    this.notes.push(`rejected ${kind} ${index} ${begin} ${length}`);
  }

  offered(runs: readonly { first: number; count: number }[]): void {
    this.notes.push(`offered ${runs.map(({ first, count }) => `${first}+${count}`).join()}`);
  }

  withdrawn(runs: readonly { first: number; count: number }[]): void {
    this.notes.push(`withdrawn ${runs.map(({ first, count }) => `${first}+${count}`).join()}`);
  }

  wished(runs: readonly { first: number; count: number }[]): void {
    this.notes.push(`wished ${runs.map(({ first, count }) => `${first}+${count}`).join()}`);
  }

  choking(): void {
    this.notes.push('choking');
  }

  interested(): void {
    this.notes.push('interested');
  }

  uploadOnly(): void {
    this.notes.push('upload only');
  }

  hashRequested(): void {
    this.notes.push('hash request');
  }

  blockBegins(_kind: BlockKind, _index: number, _begin: number, length: number): Uint8Array {
    const block = Buffer.alloc(length);
    this.blocks.push(block);
    return block;
  }

  blockEnds(kind: BlockKind, index: number, begin: number, length: number): void {
    this.notes.push(`block ${kind} ${index} ${begin} ${length}`);
  }

  received(): void {}

  closed(): void {
    this.notes.push('closed');
  }
}

interface End {
  readonly connection: PeerConnection;
  readonly handler: NotingHandler;
  /** Undefined while open. */
  reason: FleetseedError | null | undefined;
}

/** Two connections that speak to each other. */
function pairOf(
  left: PeerIdentity,
  right: PeerIdentity,
  options: { hash?: 'v1' | 'v2'; clock?: VirtualClock } = {},
): [End, End] {
  const { hash = 'v2', clock = new VirtualClock() } = options;
  const [dialled, accepted] = memoryTransports();
  const endOf = (
    transport: typeof dialled,
    dial: ConstructorParameters<typeof PeerConnection>[1],
    lookup: (handshake: Handshake) => PeerIdentity | null,
  ): End => {
    const handler = new NotingHandler();
    const connection = new PeerConnection(transport, dial, {
      clock,
      timeouts: PEER_TIMEOUTS,
      lookup,
      ready: () => handler,
      closed: (reason) => {
        end.reason = reason;
      },
    });
    const end: End = { connection, handler, reason: undefined };
    return end;
  };
  return [endOf(dialled, { identity: left, hash }, () => null), endOf(accepted, null, () => right)];
}

async function ready(...ends: End[]): Promise<void> {
  for (const end of ends) await expect.poll(() => end.connection.isReady).toBe(true);
}

async function closedFor(end: End): Promise<FleetseedError | null> {
  await expect.poll(() => end.reason).not.toBeUndefined();
  return end.reason!;
}

describe('PeerConnection', () => {
  it('makes members of both ends that know the secret', async () => {
    const ends = pairOf(identityOf(), identityOf({ role: 'origin', target: 'machine-1' }));
    await ready(...ends);
    const [left, right] = ends.map(({ connection }) => connection);
    expect(left).toMatchObject({ isMember: true, role: 'origin', target: 'machine-1', isV2: true });
    expect(right).toMatchObject({
      isMember: true,
      role: 'agent',
      choking: false,
      listenPort: 6881,
    });
  });

  it('tells members whether they stand in one zone, where both know where they stand', async () => {
    const here = Buffer.alloc(8, 1);
    const there = Buffer.alloc(8, 2);
    const cases = [
      [here, here, 'near'],
      [here, there, 'far'],
      [here, null, 'unknown'],
    ] as const;
    for (const [left, right, distance] of cases) {
      const ends = pairOf(identityOf({ zone: left }), identityOf({ zone: right }));
      await ready(...ends);
      expect(ends.map(({ connection }) => connection.distance)).toEqual([distance, distance]);
    }
  });

  it('refuses an end that knows another secret', async () => {
    const [, right] = pairOf(identityOf({ swarmSecret: Buffer.from('other') }), identityOf());
    expect((await closedFor(right))?.code).toBe('PEER_REFUSED');
    expect(right.connection.isReady).toBe(false);
  });

  it('refuses itself', async () => {
    const identity = identityOf();
    const [, right] = pairOf(identity, identity);
    expect((await closedFor(right))?.facts).toMatchObject({ self: true });
  });

  it('refuses a handshake for another torrent', async () => {
    const other = { infoHashV1: null, infoHashV2: Buffer.alloc(32, 9) };
    const [left, right] = pairOf(identityOf(), identityOf(other));
    expect((await closedFor(right))?.code).toBe('WIRE_INVALID');
    expect(left.connection.isReady).toBe(false);
  });

  it('meets strangers where they are admitted, on the v2 view when both have it', async () => {
    const open = { swarmSecret: null, admits: () => true };
    const ends = pairOf(identityOf(open), identityOf(open), { hash: 'v1' });
    await ready(...ends);
    expect(ends.map(({ connection }) => connection.isV2)).toEqual([true, true]);
    expect(ends.map(({ connection }) => connection.isMember)).toEqual([false, false]);
  });

  it('brings what each end says to the other', async () => {
    const [left, right] = pairOf(identityOf(), identityOf());
    await ready(left, right);
    const { send } = left.connection;
    const have = new Bitfield(PIECES);
    have.set(3);
    send!.pieces(have);
    send!.haveRanges([{ first: 3, count: 3 }]);
    send!.dontHave(4);
    send!.request('span', 1, 2, 3);
    send!.cancel('span', 1, 2, 3);
    send!.reject('span', 4, 5, 6);
    send!.offer('offer', [{ first: 7, count: 2 }]);
    send!.offer('withdraw', [{ first: 8, count: 1 }]);
    send!.offer('wish', [{ first: 9, count: 3 }]);
    send!.interest(true);
    send!.block('span', 5, 16, Buffer.from('payload'));
    send!.block('piece', 6, 32, Buffer.from('block'));
    await expect.poll(() => right.handler.blocks.length).toBe(2);
    expect(right.handler.notes).toEqual([
      'has new',
      'gained 4',
      'gained 5',
      'lost 4',
      'requested span 1 2 3',
      'cancelled span 1 2 3',
      'rejected span 4 5 6',
      'offered 7+2',
      'withdrawn 8+1',
      'wished 9+3',
      'interested',
      'block span 5 16 7',
      'block piece 6 32 5',
    ]);
    expect(right.handler.blocks.map(String)).toEqual(['payload', 'block']);
    expect([...right.connection.have.indices()]).toEqual([3, 5]);
  });

  it('keeps what a stranger says before it is known', async () => {
    const open = { swarmSecret: null, admits: () => true };
    const [left, right] = pairOf(identityOf(open), identityOf(open));
    await expect.poll(() => left.connection.send).not.toBeNull();
    left.connection.send!.pieces(Bitfield.full(PIECES));
    left.connection.send!.interest(true);
    await ready(right);
    await expect.poll(() => right.connection.have.all && right.connection.interested).toBe(true);
  });

  it('takes a later bitfield for the HAVEs that it stands for, as aria2 sends it', async () => {
    const [left, right] = pairOf(identityOf(), identityOf());
    await ready(left, right);
    const some = new Bitfield(PIECES);
    some.set(1);
    left.connection.send!.pieces(some);
    some.set(3);
    left.connection.send!.pieces(some);
    await expect.poll(() => right.handler.notes).toContain('gained 3');
    expect(right.handler.notes).not.toContain('gained 1');
    expect([...right.connection.have.indices()]).toEqual([1, 3]);
  });

  it('closes on pieces that do not exist', async () => {
    for (const wrong of [
      (end: End) => end.connection.send!.have(PIECES),
      (end: End) => end.connection.send!.haveRanges([{ first: 1, count: 4_000_000_000 }]),
      (end: End) => end.connection.send!.dontHave(PIECES),
    ]) {
      const [left, right] = pairOf(identityOf(), identityOf());
      await ready(left, right);
      wrong(left);
      expect((await closedFor(right))?.code).toBe('WIRE_INVALID');
    }
  });

  it('tells each end once that the other left', async () => {
    const [left, right] = pairOf(identityOf(), identityOf());
    await ready(left, right);
    left.connection.close();
    expect(await closedFor(right)).toBeNull();
    expect(right.handler.notes).toEqual(['closed']);
    expect(left.handler.notes).toEqual(['closed']);
  });

  it('keeps a quiet connection alive, and ends one that is dead', async () => {
    const clock = new VirtualClock();
    const [left, right] = pairOf(identityOf(), identityOf(), { clock });
    await ready(left, right);
    for (let minute = 0; minute < 5; minute++) {
      clock.advance(61_000);
      left.connection.tick(clock.monotonic());
      await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
      right.connection.tick(clock.monotonic());
      expect(right.reason).toBeUndefined();
      // Only one side speaks: what it hears itself is the other's keep-alive.
      await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    }
    clock.advance(151_000);
    right.connection.tick(clock.monotonic());
    expect((await closedFor(right))?.code).toBe('TIMED_OUT');
  });
});
