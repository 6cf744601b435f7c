import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

let collect: (() => void) | null = null;

/**
 * Lets V8 collect garbage now, which takes some tens of milliseconds. For processes that come to rest: they
 * allocate next to nothing, so V8 sees no cause to, and what they let go of stays resident for hours.
 */
export function collectGarbage(): void {
  if (!collect) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
    setFlagsFromString('--no-expose-gc');
  }
  collect();
}
