import { setFlagsFromString } from 'node:v8';

/** When a start is over, whatever it has to take up, milliseconds. */
const START_MS = 3_000;

/**
 * Lets V8 take no more memory for the start than it is worth. What it does once need not be optimised: the compilers'
 * own code alone, which stays resident, was 7 MiB with 200 artifacts. And the young generation of the heap would
 * grow, and stay large in a process that then allocates next to nothing.
 *
 * To be called when the modules are loaded: under another set of flags V8 takes no code from a cache, neither Node's
 * own nor ours.
 *
 * @param startMs when the start is over and code is optimised as ever, milliseconds
 */
export function startFrugally(startMs = START_MS): void {
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString('--no-opt');
  setFlagsFromString('--no-maglev');
  setTimeout(() => {
    setFlagsFromString('--opt');
    setFlagsFromString('--maglev');
  }, startMs).unref();
}
