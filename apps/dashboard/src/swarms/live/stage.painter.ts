import { percentText, rateText } from '../../format/quantities.js';
import { BUCKETS } from './piece.map.js';
import { seedPositions, type Point } from './seed-head.js';
import {
  EDGE_FADE_MS,
  TRAVEL_MS,
  type StageDot,
  type StageEdge,
  type StagePeer,
  type SwarmStage,
} from './swarm.stage.js';

export interface StageColours {
  readonly text: string;
  readonly muted: string;
  readonly disk: string;
  readonly empty: string;
  readonly line: string;
  readonly origin: string;
  readonly peers: string;
  readonly whole: string;
  readonly font: string;
  /** One a bucket. */
  readonly pieces: readonly string[];
}

const SEEDS = seedPositions(BUCKETS);
/** Pieces fill this much of a disk; the rest is the ring of progress. */
const FILL = 0.8;
const FULL_TURN = 2 * Math.PI;

/** Draws a stage on a canvas whose units are CSS pixels. */
export class StagePainter {
  constructor(
    private readonly context: CanvasRenderingContext2D,
    private readonly colours: StageColours,
  ) {}

  /** @param focus a peer that is pointed at: what has nothing to do with it steps back. */
  paint(
    stage: SwarmStage,
    size: { width: number; height: number },
    nowMs: number,
    focus: string | null,
  ): void {
    const { context } = this;
    context.clearRect(0, 0, size.width, size.height);
    // Many lines are drawn fainter, so that together they do not hide what moves.
    const edges = stage.edges;
    const strength = Math.min(1, Math.sqrt(50 / Math.max(1, edges.length)));
    for (const edge of edges) this.#edge(stage, edge, nowMs, focus, strength);
    const peers = stage.peers;
    for (const peer of peers) this.#disk(peer);
    this.#pieces(peers);
    for (const dot of stage.dots) this.#dot(stage, dot, nowMs);
    for (const peer of peers) this.#label(peer, focus);
    context.globalAlpha = 1;
  }

  #edge(
    stage: SwarmStage,
    edge: StageEdge,
    nowMs: number,
    focus: string | null,
    strength: number,
  ): void {
    const [from, to] = [stage.peer(edge.from), stage.peer(edge.to)];
    if (!from || !to) return;
    const { context } = this;
    const fresh = stage.still ? 1 : 1 - (nowMs - edge.at) / EDGE_FADE_MS;
    const besides = focus !== null && focus !== edge.from && focus !== edge.to;
    context.globalAlpha =
      Math.max(0, fresh) *
      Math.min(from.presence, to.presence) *
      (besides ? 0.05 : from.frame.role === 'origin' ? 0.6 : 0.32 * strength);
    context.strokeStyle = from.frame.role === 'origin' ? this.colours.origin : this.colours.peers;
    context.lineWidth = lineWidth(edge.bytesPerSecond) * Math.min(1, to.radius / 24 + 0.3);
    const bend = bendOf(from, to);
    context.beginPath();
    context.moveTo(from.x, from.y);
    context.quadraticCurveTo(bend.x, bend.y, to.x, to.y);
    context.stroke();
  }

  #disk(peer: StagePeer): void {
    const { context, colours } = this;
    const { x, y, radius, frame } = peer;
    context.globalAlpha = peer.presence;
    context.fillStyle = colours.disk;
    context.strokeStyle = colours.empty;
    context.lineWidth = Math.max(1.5, radius * 0.07);
    outline(context, peer);
    context.fill();
    if (frame.role === 'origin') context.strokeStyle = colours.origin;
    if (frame.role === 'stranger') context.setLineDash([3, 3]);
    context.stroke();
    context.setLineDash([]);
    if (frame.role === 'origin' || frame.progress <= 0) return;
    context.strokeStyle = frame.progress >= 1 ? colours.whole : colours.peers;
    context.beginPath();
    context.arc(x, y, radius, -FULL_TURN / 4, FULL_TURN * (frame.progress - 0.25));
    context.stroke();
  }

  /** One path a colour, not a dot: two hundred peers have twelve thousand dots. */
  #pieces(peers: readonly StagePeer[]): void {
    const { context, colours } = this;
    context.globalAlpha = 1;
    context.fillStyle = colours.empty;
    context.beginPath();
    for (const peer of peers) {
      if (peer.presence < 0.5) continue;
      for (let bucket = 0; bucket < BUCKETS; bucket++) {
        if (peer.shown[bucket]! < 1) spot(context, seedAt(peer, bucket), seedRadius(peer) * 0.55);
      }
    }
    context.fill();
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      context.fillStyle = colours.pieces[bucket]!;
      context.beginPath();
      for (const peer of peers) {
        const share = peer.shown[bucket]!;
        if (share <= 0 || peer.presence < 0.5) continue;
        spot(context, seedAt(peer, bucket), seedRadius(peer) * Math.sqrt(share));
      }
      context.fill();
    }
  }

  #dot(stage: SwarmStage, dot: StageDot, nowMs: number): void {
    const [from, to] = [stage.peer(dot.from), stage.peer(dot.to)];
    const share = (nowMs - dot.startMs) / TRAVEL_MS;
    if (!from || !to || share <= 0 || share >= 1) return;
    const { context, colours } = this;
    const start = dot.bucket === null ? from : seedAt(from, dot.bucket);
    const end = dot.bucket === null ? to : seedAt(to, dot.bucket);
    const at = onCurve(start, bendOf(from, to), end, share * share * (3 - 2 * share));
    context.globalAlpha = Math.min(1, share * 8);
    context.fillStyle = dot.bucket === null ? colours.muted : colours.pieces[dot.bucket]!;
    context.strokeStyle = colours.disk;
    context.lineWidth = 1;
    context.beginPath();
    circle(context, at, Math.max(2.2, seedRadius(to) * 1.35));
    context.fill();
    context.stroke();
  }

  #label(peer: StagePeer, focus: string | null): void {
    const { context, colours } = this;
    const { x, y, radius, frame, presence, id } = peer;
    if (radius < 16 && id !== focus) return;
    const size = radius < 26 ? 10.5 : 12;
    const below = frame.role === 'origin' ? radius * 0.12 + 6 : 5;
    context.globalAlpha = presence;
    context.textAlign = 'center';
    context.textBaseline = 'top';
    context.font = `600 ${size}px ${colours.font}`;
    context.fillStyle = frame.role === 'origin' ? colours.origin : colours.text;
    const room = Math.max(60, radius * 2.9);
    this.#text(fitted(context, frame.label, room), x, y + radius + below);
    if (radius < 26) return;
    context.font = `${size - 1}px ${colours.font}`;
    context.fillStyle = colours.muted;
    this.#text(stateText(peer), x, y + radius + below + size * 1.25);
  }

  /** With a halo: lines and dots pass behind it. */
  #text(text: string, x: number, y: number): void {
    const { context, colours } = this;
    context.strokeStyle = colours.disk;
    context.lineWidth = 4;
    context.lineJoin = 'round';
    context.strokeText(text, x, y);
    context.fillText(text, x, y);
  }
}

function stateText({ frame }: StagePeer): string {
  const { role, progress, bytesPerSecondDown: down, bytesPerSecondUp: up } = frame;
  if (role !== 'origin' && progress < 1) {
    return down > 0 ? `${percentText(progress)} ↓ ${rateText(down)}` : percentText(progress);
  }
  if (up > 0) return `↑ ${rateText(up)}`;
  return role === 'origin' ? '' : 'seed';
}

/** Ten times the rate is about a pixel more: from kilobytes to gigabytes it stays readable. */
export function lineWidth(bytesPerSecond: number): number {
  return Math.min(7, Math.max(0.75, 1.2 * (Math.log10(Math.max(1, bytesPerSecond)) - 3.7)));
}

function outline(context: CanvasRenderingContext2D, { x, y, radius, frame }: StagePeer): void {
  context.beginPath();
  if (frame.role !== 'origin') {
    context.arc(x, y, radius, 0, FULL_TURN);
    return;
  }
  // A hexagon around the circle that others have.
  for (let corner = 0; corner < 6; corner++) {
    const angle = (corner / 6) * FULL_TURN + FULL_TURN / 12;
    context.lineTo(x + radius * 1.12 * Math.cos(angle), y + radius * 1.12 * Math.sin(angle));
  }
  context.closePath();
}

function seedAt({ x, y, radius }: StagePeer, bucket: number): Point {
  const seed = SEEDS[bucket]!;
  return { x: x + seed.x * radius * FILL, y: y + seed.y * radius * FILL };
}

/** Just touching: the disk's area is shared by its seeds, and some of it stays free. */
function seedRadius({ radius }: StagePeer): number {
  return radius * FILL * 0.093;
}

/** A circle, or a square where nobody could tell: that is painted many times as fast. */
function spot(context: CanvasRenderingContext2D, at: Point, radius: number): void {
  if (radius > 1.6) circle(context, at, radius);
  else context.rect(at.x - radius * 0.89, at.y - radius * 0.89, radius * 1.77, radius * 1.77);
}

function circle(context: CanvasRenderingContext2D, { x, y }: Point, radius: number): void {
  context.moveTo(x + radius, y);
  context.arc(x, y, radius, 0, FULL_TURN);
}

/** Edges bend to their left, so that the two directions between two peers are told apart. */
function bendOf(from: Point, to: Point): Point {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  return { x: (from.x + to.x) / 2 + dy * 0.16, y: (from.y + to.y) / 2 - dx * 0.16 };
}

function onCurve(from: Point, bend: Point, to: Point, share: number): Point {
  const rest = 1 - share;
  const mix = (a: number, b: number, c: number) =>
    rest * rest * a + 2 * rest * share * b + share * share * c;
  return { x: mix(from.x, bend.x, to.x), y: mix(from.y, bend.y, to.y) };
}

function fitted(context: CanvasRenderingContext2D, text: string, room: number): string {
  if (context.measureText(text).width <= room) return text;
  let length = text.length - 1;
  while (length > 1 && context.measureText(`${text.slice(0, length)}…`).width > room) length--;
  return `${text.slice(0, length)}…`;
}
