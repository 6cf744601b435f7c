import { setTimeout as pause } from 'node:timers/promises';

const EVERY_MS = 50;

/**
 * Asks again until there is an answer: for what no event tells.
 * @param what goes into the message of a failure
 * @param ask gives undefined, null or false while there is none; throwing counts as none
 * @throws after `timeoutMs`, with what `ask` threw last as the cause
 */
export async function until<T>(
  what: string,
  ask: () => T | Promise<T>,
  timeoutMs = 30_000,
): Promise<NonNullable<Exclude<T, false>>> {
  const end = performance.now() + timeoutMs;
  for (let cause: unknown; ;) {
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== null && answer !== false) {
        return answer as NonNullable<Exclude<T, false>>;
      }
    } catch (error) {
      cause = error;
    }
    if (performance.now() > end) {
      throw new Error(`Not within ${timeoutMs} ms: ${what}. Last: ${String(cause)}`, { cause });
    }
    await pause(EVERY_MS);
  }
}
