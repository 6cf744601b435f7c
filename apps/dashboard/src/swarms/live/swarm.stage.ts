import type { PeerFrame, SwarmFrame } from '#lib/contracts';

import { movingDots } from './moving-dots.js';
import { layoutPeers, type Room } from './peer.layout.js';
import { BUCKETS, parsePieces, type PieceMap } from './piece.map.js';

/** A peer on the picture. Positions are CSS pixels. */
export interface StagePeer {
  readonly id: string;
  frame: PeerFrame;
  x: number;
  y: number;
  radius: number;
  /** What is drawn now; it grows towards `after` while the frame's dots arrive. */
  readonly shown: PieceMap;
  before: PieceMap;
  after: PieceMap;
  /** 0 to 1: peers fade in when they come and out when they go. */
  presence: number;
  leaving: boolean;
  toX: number;
  toY: number;
}

export interface StageEdge {
  readonly from: string;
  readonly to: string;
  bytesPerSecond: number;
  /** When the newest bytes moved. */
  at: number;
}

export interface StageDot {
  readonly from: string;
  readonly to: string;
  readonly bucket: number | null;
  readonly startMs: number;
}

/** A dot is under way for so long. */
export const TRAVEL_MS = 900;
/** An edge without bytes is gone after so long. */
export const EDGE_FADE_MS = 2500;
const FADE_MS = 400;
const SETTLE_MS = 180;
/** A frame's edges, those with the most bytes: more are a fog in which nothing is seen. */
const MOST_EDGES = 240;

/**
 * What the picture of a swarm shows at each moment: frames come about once a second, and in between
 * pieces fill up, dots travel, and peers come, go and make room. Time comes in as an argument.
 */
export class SwarmStage {
  readonly #peers = new Map<string, StagePeer>();
  readonly #edges = new Map<string, StageEdge>();
  #dots: StageDot[] = [];
  #room: Room = { width: 800, height: 500, labelHeight: 32 };
  #frameAt = 0;
  #framedMs = 0;
  #intervalMs = 1000;
  #drawnMs = 0;

  /** @param still shows no motion: every change is there at once. */
  constructor(public still = false) {}

  get peers(): readonly StagePeer[] {
    return [...this.#peers.values()];
  }

  get edges(): readonly StageEdge[] {
    return [...this.#edges.values()];
  }

  get dots(): readonly StageDot[] {
    return this.#dots;
  }

  peer(id: string): StagePeer | undefined {
    return this.#peers.get(id);
  }

  resize(room: Room): void {
    this.#room = room;
    this.#layout(true);
  }

  apply(frame: SwarmFrame, nowMs: number): void {
    const sinceLast = frame.at - this.#frameAt;
    // After a gap, as when the page was hidden, a frame still tells of the last second only.
    const regular = this.#frameAt > 0 && sinceLast >= 250 && sinceLast <= 3000;
    this.#intervalMs = regular ? sinceLast : 1000;
    this.#frameAt = frame.at;
    this.#framedMs = nowMs;
    if (!this.still) this.#sendDots(frame.peers, nowMs);
    this.#applyPeers(frame.peers);
    this.#applyEdges(frame.peers, nowMs);
    this.#layout(false);
  }

  /** Moves everything on to a moment. @returns whether anything is still under way then. */
  advance(nowMs: number): boolean {
    const passed = Math.min(100, Math.max(0, nowMs - this.#drawnMs));
    this.#drawnMs = nowMs;
    const filled = this.still ? 1 : Math.min(1, (nowMs - this.#framedMs) / this.#intervalMs);
    let moving = filled < 1;
    for (const peer of this.#peers.values()) {
      for (let each = 0; each < BUCKETS; each++) {
        const from = peer.before[each]!;
        peer.shown[each] = from + (peer.after[each]! - from) * filled;
      }
      moving = this.#move(peer, passed) || moving;
      if (peer.leaving && peer.presence <= 0) this.#peers.delete(peer.id);
    }
    for (const [key, edge] of this.#edges) {
      if (nowMs - edge.at > EDGE_FADE_MS) this.#edges.delete(key);
    }
    this.#dots = this.#dots.filter((each) => nowMs < each.startMs + TRAVEL_MS);
    return moving || this.#dots.length > 0 || (!this.still && this.#edges.size > 0);
  }

  #sendDots(peers: readonly PeerFrame[], nowMs: number): void {
    const before = new Map([...this.#peers].map(([id, peer]) => [id, peer.after]));
    for (const { from, to, bucket, start } of movingDots(before, peers)) {
      this.#dots.push({ from, to, bucket, startMs: nowMs + start * this.#intervalMs });
    }
  }

  #applyPeers(frames: readonly PeerFrame[]): void {
    const here = new Set(frames.map((each) => each.peer));
    for (const peer of this.#peers.values()) peer.leaving = !here.has(peer.id);
    for (const frame of frames) {
      const map = parsePieces(frame.pieces);
      const known = this.#peers.get(frame.peer);
      if (known) {
        known.frame = frame;
        known.before = Float32Array.from(known.shown);
        known.after = map;
      } else this.#peers.set(frame.peer, this.#enter(frame, map));
    }
  }

  #enter(frame: PeerFrame, map: PieceMap): StagePeer {
    const middle = { x: this.#room.width / 2, y: this.#room.height / 2 };
    return {
      id: frame.peer,
      frame,
      ...middle,
      radius: 0,
      shown: Float32Array.from(map),
      before: map,
      after: map,
      presence: 0,
      leaving: false,
      toX: Number.NaN,
      toY: Number.NaN,
    };
  }

  #applyEdges(frames: readonly PeerFrame[], nowMs: number): void {
    const moved = frames
      .flatMap(({ peer: to, from }) => from.map(({ peer, bytes }) => ({ from: peer, to, bytes })))
      .filter(({ from, bytes }) => bytes > 0 && this.#peers.has(from))
      .sort((a, b) => b.bytes - a.bytes)
      .slice(0, MOST_EDGES);
    for (const { from, to, bytes } of moved) {
      const bytesPerSecond = (bytes * 1000) / this.#intervalMs;
      this.#edges.set(`${from}>${to}`, { from, to, bytesPerSecond, at: nowMs });
    }
  }

  #layout(atOnce: boolean): void {
    const staying = [...this.#peers.values()].filter((each) => !each.leaving);
    const placed = layoutPeers(
      staying.map(({ id, frame }) => ({ peer: id, role: frame.role })),
      this.#room,
    );
    for (const { peer: id, x, y, radius } of placed) {
      const peer = this.#peers.get(id)!;
      const jump = atOnce || this.still || Number.isNaN(peer.toX);
      Object.assign(peer, { toX: x, toY: y, radius }, jump ? { x, y } : {});
    }
  }

  /** @returns whether the peer is still under way. */
  #move(peer: StagePeer, passedMs: number): boolean {
    const wanted = peer.leaving ? 0 : 1;
    const step = this.still ? 1 : passedMs / FADE_MS;
    peer.presence += Math.max(-step, Math.min(step, wanted - peer.presence));
    const settle = this.still ? 1 : 1 - Math.exp(-passedMs / SETTLE_MS);
    peer.x += (peer.toX - peer.x) * settle;
    peer.y += (peer.toY - peer.y) * settle;
    const away = Math.hypot(peer.toX - peer.x, peer.toY - peer.y);
    return away > 0.3 || peer.presence !== wanted;
  }
}
