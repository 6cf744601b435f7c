/** Injection token of the `ContentReads` that artifacts are read by. */
export const CONTENT_READS = Symbol('ContentReads');
