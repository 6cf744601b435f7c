/**
 * Round numbers from 0 up to at least `max`: steps of 1, 2 or 5 times a power of ten.
 * @param about so many ticks are aimed at.
 */
export function niceTicks(max: number, about: number): number[] {
  if (!(max > 0)) return [0, 1];
  const rough = max / about;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough)!;
  const count = Math.ceil(max / step - 1e-9);
  return Array.from({ length: count + 1 }, (_, index) => index * step);
}

/** The steps of clocks and calendars, ms. */
const TIME_STEPS = [5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10_080].map(
  (minutes) => minutes * 60_000,
);

/** Full hours, half hours … of the viewer's clock between two moments. */
export function timeTicks(fromMs: number, toMs: number, about: number): number[] {
  const rough = (toMs - fromMs) / about;
  const step = TIME_STEPS.find((each) => each >= rough) ?? TIME_STEPS.at(-1)!;
  const zone = new Date(toMs).getTimezoneOffset() * 60_000;
  const ticks: number[] = [];
  for (let at = Math.ceil((fromMs - zone) / step) * step + zone; at <= toMs; at += step) {
    ticks.push(at);
  }
  return ticks;
}

/** One column of the chart: what its points add up to. */
export interface Column {
  readonly fromMs: number;
  readonly toMs: number;
  readonly values: readonly number[];
}

/**
 * Adds points up into at most `most` columns of equal time. Steps without a point are columns of
 * nothing: a quiet hour must look quiet.
 */
export function columnsOf(
  points: readonly { readonly at: number; readonly values: readonly number[] }[],
  kinds: number,
  { fromMs, toMs, stepMs, most }: { fromMs: number; toMs: number; stepMs: number; most: number },
): Column[] {
  const width = stepMs * Math.max(1, Math.ceil((toMs - fromMs) / stepMs / most));
  const first = Math.floor(fromMs / width) * width;
  const count = Math.max(1, Math.ceil((toMs - first) / width));
  const sums = Array.from({ length: count }, () => Array.from({ length: kinds }, () => 0));
  for (const { at, values } of points) {
    const sum = sums[Math.floor((at - first) / width)];
    if (sum) for (let kind = 0; kind < kinds; kind++) sum[kind]! += values[kind] ?? 0;
  }
  return sums.map((values, index) => ({
    fromMs: first + index * width,
    toMs: first + (index + 1) * width,
    values,
  }));
}

export interface Segment {
  readonly kind: number;
  /** Pixels from the chart's top. */
  readonly y: number;
  readonly height: number;
}

/** Stacks a column's values from the bottom up; what is nothing has no segment. */
export function stack(values: readonly number[], max: number, height: number): Segment[] {
  const segments: Segment[] = [];
  let below = 0;
  for (const [kind, value] of values.entries()) {
    if (value <= 0) continue;
    const size = (value / max) * height;
    segments.push({ kind, y: height - below - size, height: size });
    below += size;
  }
  return segments;
}
