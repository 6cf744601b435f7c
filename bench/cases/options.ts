import { parseArgs } from 'node:util';

/** What was asked for is not there; the usage text helps. */
export class UsageError extends Error {}

/** What the cases with contestants share. */
export interface CommonOptions {
  readonly rounds: number;
  /** Names of contestants; empty for all. */
  readonly only: readonly string[];
  /** Sizes for trying it out in seconds; such a run leaves RESULTS.md alone. */
  readonly smoke: boolean;
}

export const COMMON_USAGE = '[--rounds N] [--only NAME …] [--smoke]';

/**
 * Options of a case, and those that are common. `--smoke` has one round unless told otherwise.
 * @param names of options with a value; of the rest only `flags` may be given
 */
export function readOptions<Name extends string, Flag extends string = never>(
  words: readonly string[],
  names: readonly Name[],
  flags: readonly Flag[] = [],
) {
  const values = parse(words, names, flags);
  const smoke = values.smoke ?? false;
  const given = values as Record<string, unknown>;
  const common: CommonOptions = {
    rounds: count('rounds', values.rounds) ?? (smoke ? 1 : 3),
    only: values.only ?? [],
    smoke,
  };
  return {
    ...common,
    text: (name: Name) => given[name] as string | undefined,
    number: (name: Name) => count(name, given[name] as string | undefined),
    flag: (name: Flag) => given[name] === true,
  };
}

function parse(words: readonly string[], names: readonly string[], flags: readonly string[]) {
  const options = {
    ...Object.fromEntries(names.map((name) => [name, { type: 'string' } as const])),
    ...Object.fromEntries(flags.map((name) => [name, { type: 'boolean' } as const])),
    rounds: { type: 'string' },
    only: { type: 'string', multiple: true },
    smoke: { type: 'boolean' },
  } as const;
  try {
    return parseArgs({ args: [...words], options }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function count(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (value > 0) return value;
  throw new UsageError(`--${name} wants a number above 0, not '${text}'.`);
}

/** Items whose name was asked for; all when none was. @throws UsageError for a name that none has */
export function chosen<Item extends { readonly name: string }>(
  items: readonly Item[],
  names: readonly string[],
): Item[] {
  const known = new Set(items.map(({ name }) => name));
  const strange = names.find((name) => !known.has(name));
  if (strange !== undefined) {
    throw new UsageError(`There is no ${strange} here; there are ${[...known].join(', ')}.`);
  }
  return items.filter(({ name }) => names.length === 0 || names.includes(name));
}
