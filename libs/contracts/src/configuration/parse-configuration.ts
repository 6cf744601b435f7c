import { parseArgs } from 'node:util';

import type { z } from 'zod';

import { FleetseedError } from '../errors/fleetseed.error.js';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface ConfigurationRules<S extends z.ZodObject> {
  /** What the usage error begins with, `fleetseed agent`. */
  readonly program: string;
  readonly schema: S;
  /** Keys whose flag may stand alone (`--insecure-http`). */
  readonly switches?: readonly (keyof S['shape'] & string)[];
  /** Keys whose flag may be given several times; a variable holds them comma-separated. */
  readonly lists?: readonly (keyof S['shape'] & string)[];
  /**
   * Keys of earlier versions, and what to do instead. Their variables are refused: to pass over one would
   * be to do what it was set against. Others that we do not know are not ours to judge, as all programs
   * share one environment, and Kubernetes adds to it (`FLEETSEED_PORT` for a Service of that name).
   */
  readonly gone?: Readonly<Record<string, string>>;
}

/** `peerListen` → `peer-listen`. */
export function flagOf(key: string): string {
  return key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** `peerListen` → `FLEETSEED_PEER_LISTEN`. */
export function variableOf(key: string): string {
  return `FLEETSEED_${flagOf(key).replaceAll('-', '_').toUpperCase()}`;
}

/**
 * The configuration out of flags and environment; a flag beats a variable, an empty variable counts
 * as unset (that is how charts and unit files leave a value out).
 * @throws USAGE for an unknown flag; CONFIG_INVALID that names the key by flag and variable, also for
 * the variable of a key that is gone
 */
export function parseConfiguration<S extends z.ZodObject>(
  rules: ConfigurationRules<S>,
  argv: readonly string[],
  environment: Environment,
): z.output<S> {
  const flags = parseFlags(rules, argv);
  for (const [key, instead] of Object.entries(rules.gone ?? {})) {
    if (environment[variableOf(key)])
      throw configurationError(key, `is not known any more: ${instead}`);
  }
  const given: Record<string, unknown> = {};
  for (const key of Object.keys(rules.schema.shape)) {
    const variable = environment[variableOf(key)] || undefined;
    const value =
      flags[flagOf(key)] ?? (rules.lists?.includes(key) ? variable?.split(',') : variable);
    if (value !== undefined) given[key] = value;
  }
  return checkConfiguration(rules.schema, given);
}

/**
 * The same from values by key, for programs that start a service in their own process.
 * @throws CONFIG_INVALID that names the key, also one that there is not
 */
export function checkConfiguration<S extends z.ZodObject>(
  schema: S,
  given: Readonly<Record<string, unknown>>,
): z.output<S> {
  const unknown = Object.keys(given).find((key) => !(key in schema.shape));
  if (unknown !== undefined) throw configurationError(unknown, 'is no setting');
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw configurationError(String(issue?.path[0] ?? ''), issue?.message ?? 'is not valid');
}

/** A bad value, named by flag and variable so that it is found wherever it was written. */
export function configurationError(key: string, reason: string, cause?: unknown): FleetseedError {
  const message = `--${flagOf(key)} (${variableOf(key)}): ${reason}.`;
  return new FleetseedError('CONFIG_INVALID', message, { key }, { cause });
}

/** One paragraph a key, as `--help` prints it: flag, sentence, default, variable. */
export function describeConfiguration(
  schema: z.ZodObject,
  switches: readonly string[] = [],
): string {
  return Object.entries(schema.shape)
    .map(([key, field]) => {
      const { description = '' } = field as z.ZodType;
      const value = switches.includes(key) ? '' : ' VALUE';
      const about = `${description}${defaultOf(field as z.ZodType)} (${variableOf(key)})`;
      return `  --${flagOf(key)}${value}\n      ${about}`;
    })
    .join('\n');
}

function defaultOf(field: z.ZodType): string {
  const parsed = field.safeParse(undefined);
  const data: unknown = parsed.success ? parsed.data : undefined;
  const value = Array.isArray(data) ? data.join(',') : data;
  const isPlain = typeof value === 'string' || typeof value === 'number';
  return isPlain || typeof value === 'boolean' ? ` [${value}]` : '';
}

function parseFlags<S extends z.ZodObject>(
  { program, schema, switches = [], lists = [] }: ConfigurationRules<S>,
  argv: readonly string[],
): Record<string, string | string[] | undefined> {
  const options = Object.fromEntries(
    Object.keys(schema.shape).map((key) => {
      const type = switches.includes(key) ? ('boolean' as const) : ('string' as const);
      return [flagOf(key), { type, multiple: lists.includes(key) }];
    }),
  );
  try {
    const { values } = parseArgs({ args: [...argv], options, allowPositionals: false });
    return Object.fromEntries(Object.entries(values).map(([flag, value]) => [flag, plain(value)]));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new FleetseedError('USAGE', `${program}: ${reason}`, {}, { cause: error });
  }
}

function plain(value: string | boolean | (string | boolean)[] | undefined): string | string[] {
  if (Array.isArray(value)) return value.map(String);
  return typeof value === 'boolean' ? 'on' : String(value);
}
