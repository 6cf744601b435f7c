import type { PeerFrame } from '#lib/contracts';

import type { Point } from './seed-head.js';

export interface PlacedPeer extends Point {
  readonly peer: string;
  /** Of the disk its pieces are drawn in, CSS pixels. */
  readonly radius: number;
}

export interface Room {
  readonly width: number;
  readonly height: number;
  /** Kept free for the labels below the disks. */
  readonly labelHeight: number;
}

const LARGEST_RADIUS = 58;
const SMALLEST_RADIUS = 7;
/** Peers on one ellipse keep this many radii from middle to middle. */
const SPACING = 2.9;

/**
 * Places origins in the middle and all others on an ellipse around them, in the order given: the
 * first at the top, then clockwise. Where one ellipse is too full, more are drawn inside it, and the
 * disks are as large as the room allows.
 */
export function layoutPeers(
  peers: readonly Pick<PeerFrame, 'peer' | 'role'>[],
  room: Room,
): PlacedPeer[] {
  const origins = peers.filter((each) => each.role === 'origin');
  const others = peers.filter((each) => each.role !== 'origin');
  const radius = radiusFor(others.length, room);
  const centre = { x: room.width / 2, y: room.height / 2 - room.labelHeight / 2 };
  const placed: PlacedPeer[] = [];

  const originRadius = Math.min(LARGEST_RADIUS, radius * 1.25);
  for (const [index, { peer }] of origins.entries()) {
    const offset = (index - (origins.length - 1) / 2) * originRadius * 2.6;
    placed.push({ peer, x: centre.x + offset, y: centre.y, radius: originRadius });
  }
  let next = 0;
  for (const [index, ring] of ringsFor(others.length, radius, room).entries()) {
    for (let seat = 0; seat < ring.seats; seat++) {
      // Every second ring is turned by half a seat, so that nobody hides behind a neighbour.
      const turn = (seat + (index % 2) / 2) / ring.seats;
      const at = pointAtShare(ring, turn);
      placed.push({ peer: others[next++]!.peer, x: centre.x + at.x, y: centre.y + at.y, radius });
    }
  }
  return placed;
}

interface Ring {
  readonly a: number;
  readonly b: number;
  readonly seats: number;
}

function radiusFor(count: number, room: Room): number {
  for (let radius = LARGEST_RADIUS; radius > SMALLEST_RADIUS; radius--) {
    if (seatsIn(radius, room) >= count) return radius;
  }
  return SMALLEST_RADIUS;
}

/** The half axes of the rings from the outermost in, as long as the origin keeps its room. */
function axes(radius: number, room: Room): { a: number; b: number }[] {
  const found: { a: number; b: number }[] = [];
  let a = room.width / 2 - radius - 12;
  let b = (room.height - room.labelHeight) / 2 - radius - 8;
  // Large disks read best on one ellipse; more rings come with more peers than it has seats for.
  const most = radius > 24 ? 1 : 5;
  while (found.length < most && b > radius * 3.2 && a > radius * 3.2) {
    found.push({ a, b });
    a -= radius * SPACING + room.labelHeight / 2;
    b -= radius * SPACING + room.labelHeight / 2;
  }
  if (found.length === 0) found.push({ a: Math.max(a, radius * 2), b: Math.max(b, radius * 2) });
  return found;
}

function seatsIn(radius: number, room: Room): number {
  let seats = 0;
  for (const ring of axes(radius, room)) seats += seatsOn(ring, radius);
  return seats;
}

function seatsOn(ring: { a: number; b: number }, radius: number): number {
  return Math.max(1, Math.floor(circumference(ring) / (radius * SPACING)));
}

/** Spreads the peers over the rings in proportion to their seats; every ring gets whole numbers. */
function ringsFor(count: number, radius: number, room: Room): Ring[] {
  const all = axes(radius, room);
  let seatsLeft = 0;
  for (const ring of all) seatsLeft += seatsOn(ring, radius);
  let left = count;
  return all.map((ring) => {
    const room = seatsOn(ring, radius);
    const seats = seatsLeft === 0 ? 0 : Math.min(left, Math.ceil((left * room) / seatsLeft));
    left -= seats;
    seatsLeft -= room;
    return { ...ring, seats };
  });
}

/** Ramanujan's second approximation. */
function circumference({ a, b }: { a: number; b: number }): number {
  const h = ((a - b) / (a + b)) ** 2;
  return Math.PI * (a + b) * (1 + (3 * h) / (10 + Math.sqrt(4 - 3 * h)));
}

const STEPS = 360;

/** The point after a share of the way around, by length and not by angle: flat ellipses crowd else. */
function pointAtShare({ a, b }: Ring, share: number): Point {
  const point = (step: number): Point => {
    const angle = (step / STEPS) * 2 * Math.PI - Math.PI / 2;
    return { x: a * Math.cos(angle), y: b * Math.sin(angle) };
  };
  const lengths = [0];
  for (let step = 1; step <= STEPS; step++) {
    const [from, to] = [point(step - 1), point(step)];
    lengths.push(lengths[step - 1]! + Math.hypot(to.x - from.x, to.y - from.y));
  }
  const wanted = share * lengths[STEPS]!;
  const after = lengths.findIndex((length) => length >= wanted);
  if (after <= 0) return point(0);
  const [low, high] = [lengths[after - 1]!, lengths[after]!];
  return point(after - 1 + (high > low ? (wanted - low) / (high - low) : 0));
}
