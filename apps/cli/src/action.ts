import type { Command } from 'commander';

import type { Invocation } from './invocation.js';

/**
 * Makes a commander action of a verb's work. What the work needs is loaded when it is called, so
 * that the help of a verb costs no more than its text.
 */
export function action<Options = object>(
  work: (call: Invocation<Options>, ...args: string[]) => Promise<void>,
): (...given: unknown[]) => Promise<void> {
  return async (...given) => {
    const command = given.at(-1) as Command;
    const { Invocation: Call } = await import('./invocation.js');
    const call = new Call<Options>(command);
    try {
      await work(call, ...command.args);
    } finally {
      await call.close();
    }
  };
}
