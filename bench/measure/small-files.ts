/** Of the logarithm: one file in a hundred is larger than 20 times the median. */
const SIGMA = 1.3;

/**
 * Sizes of files as builds have them: log-normal, none empty, `bytes` in all; the same in every run.
 */
export function smallFileSizes(bytes: number, files: number): number[] {
  const uniform = generator();
  const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  const weights = Array.from({ length: files }, () => Math.exp(SIGMA * normal()));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const spare = bytes - files;
  let seen = 0;
  let given = 0;
  // Rounded sums, so that all together are exact.
  return weights.map((weight) => {
    seen += weight;
    const until = Math.round((seen / sum) * spare);
    const size = until - given + 1;
    given = until;
    return size;
  });
}

/** Evenly from 0 up to 1: a linear congruence of 32 bits, enough for sizes. */
function generator(): () => number {
  let state = 12_345;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
