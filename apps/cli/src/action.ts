import type { Command } from 'commander';

import type * as Ways from './connection/ways.js';
import type { Invocation } from './invocation.js';

/**
 * Makes a commander action of a verb's work. What the work needs is loaded when it is called, so
 * that the help of a verb costs no more than its text.
 */
export function action<Options = object>(work: Work<Options>): Action {
  return actionWith(work, () => import('./connection/ways.js'));
}

/** An {@link action} of a verb that works without an origin. */
export function localAction<Options = object>(work: Work<Options>): Action {
  return actionWith(work, () => null);
}

type Work<Options> = (call: Invocation<Options>, ...args: string[]) => Promise<void>;
type Action = (...given: unknown[]) => Promise<void>;

function actionWith<Options>(work: Work<Options>, ways: () => Promise<typeof Ways> | null): Action {
  return async (...given) => {
    const command = given.at(-1) as Command;
    const { Invocation: Call } = await import('./invocation.js');
    const call = new Call<Options>(command, await ways());
    try {
      await work(call, ...command.args);
    } finally {
      await call.close();
    }
  };
}
