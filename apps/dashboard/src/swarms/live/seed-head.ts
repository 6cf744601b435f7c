export interface Point {
  readonly x: number;
  readonly y: number;
}

const GOLDEN_ANGLE = Math.PI * (3 - Math.sqrt(5));

/**
 * Where dots sit that fill a disk of radius 1 evenly, as seeds do in a flower head (Vogel 1979): the
 * first in the middle, the last at the rim, none on another.
 */
export function seedPositions(count: number): Point[] {
  return Array.from({ length: count }, (_, index) => {
    const radius = Math.sqrt((index + 0.5) / count);
    const angle = index * GOLDEN_ANGLE;
    return { x: radius * Math.cos(angle), y: radius * Math.sin(angle) };
  });
}
