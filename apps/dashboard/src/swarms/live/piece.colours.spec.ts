import { describe, expect, it } from 'vitest';

import { colourOf, pieceColours } from './piece.colours.js';

/** Relative luminance as WCAG 2 defines it: what is left of a colour when hues cannot be told apart. */
function luminance(colour: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
}

describe('piece colours', () => {
  it('grow lighter all the way, so that their order is seen without hues', () => {
    const lights = pieceColours(64).map(luminance);
    expect(lights).toEqual([...lights].sort((a, b) => a - b));
    expect(lights.at(-1)! / lights[0]!).toBeGreaterThan(3);
  });

  it('are all different, and written for a canvas', () => {
    const colours = pieceColours(64);
    expect(new Set(colours).size).toBe(64);
    for (const colour of colours) expect(colour).toMatch(/^#[0-9a-f]{6}$/);
  });

  it('hold for places out of range', () => {
    expect(colourOf(-1)).toBe(colourOf(0));
    expect(colourOf(2)).toBe(colourOf(1));
  });
});
