/**
 * The colour of a place in an artifact. Hue runs once around from crimson over violet, blue, teal and
 * green to yellow while lightness rises all the way, so that who cannot tell hues apart still sees
 * the order. Both ends stay clear of white and black backgrounds.
 */
const FIRST = { lightness: 0.5, hue: 385 };
const LAST = { lightness: 0.84, hue: 95 };
const CHROMA = 0.17;

/** @param position 0 for the first byte to 1 for the last. @returns `#rrggbb`. */
export function colourOf(position: number): string {
  const at = Math.min(1, Math.max(0, position));
  const lightness = FIRST.lightness + (LAST.lightness - FIRST.lightness) * at;
  const hue = FIRST.hue + (LAST.hue - FIRST.hue) * at;
  // Colours that a screen cannot show are made duller, not clipped: clipping would shift their hue.
  for (let chroma = CHROMA; ; chroma -= 0.005) {
    const rgb = linearRgb(lightness, chroma, (hue * Math.PI) / 180);
    if (chroma <= 0 || rgb.every((part) => part >= 0 && part <= 1)) return hex(rgb);
  }
}

/** A colour for each of so many equal stretches. */
export function pieceColours(count: number): string[] {
  return Array.from({ length: count }, (_, index) =>
    colourOf(count === 1 ? 0 : index / (count - 1)),
  );
}

/** OKLCH to linear sRGB (Björn Ottosson, "A perceptual color space for image processing", 2020). */
function linearRgb(lightness: number, chroma: number, hue: number): [number, number, number] {
  const a = chroma * Math.cos(hue);
  const b = chroma * Math.sin(hue);
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
}

function hex(rgb: readonly number[]): string {
  return `#${rgb.map(gammaByte).join('')}`;
}

function gammaByte(linear: number): string {
  const part = Math.min(1, Math.max(0, linear));
  const gamma = part <= 0.0031308 ? 12.92 * part : 1.055 * part ** (1 / 2.4) - 0.055;
  return Math.round(gamma * 255)
    .toString(16)
    .padStart(2, '0');
}
