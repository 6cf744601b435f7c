import type { OutputHost } from './output.js';

/** Stdout has the content itself: nothing else may be written there. */
export function isStreaming(args: readonly string[]): boolean {
  return args.includes('--stdout');
}

/** Where results and errors of a command line go. */
export function hostFor(args: readonly string[]): OutputHost {
  const { stdout, stderr, env } = process;
  return isStreaming(args) ? { stdout: stderr, stderr, env } : { stdout, stderr, env };
}
