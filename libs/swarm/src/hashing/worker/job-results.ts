/** What a job that has no such result gives. */
export const NOTHING = Buffer.alloc(0);
export const NO_SIGNATURES = new BigInt64Array(0);
