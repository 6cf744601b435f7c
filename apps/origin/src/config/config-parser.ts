import { parseArgs } from 'node:util';

import { FleetseedError } from '#lib/contracts';

import {
  OriginConfigSchema,
  SWITCH_KEYS,
  type OriginConfig,
  type OriginConfigKey,
} from './origin-config.schema.js';

type Environment = Readonly<Record<string, string | undefined>>;

const KEYS = Object.keys(OriginConfigSchema.shape) as OriginConfigKey[];

/** `peerListen` → `peer-listen`. */
export function flagOf(key: string): string {
  return key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** `peerListen` → `FLEETSEED_PEER_LISTEN`. */
export function variableOf(key: string): string {
  return `FLEETSEED_${flagOf(key).replaceAll('-', '_').toUpperCase()}`;
}

/**
 * The configuration out of flags and environment; a flag beats a variable.
 * @throws CONFIG_INVALID that names the key; INSECURE_HTTP_REFUSED
 */
export function parseConfig(argv: readonly string[], environment: Environment): OriginConfig {
  const flags = parseFlags(argv);
  const given: Record<string, string> = {};
  for (const key of KEYS) {
    const value = flags[flagOf(key)] ?? environment[variableOf(key)];
    // An empty variable counts as unset: that is how charts and unit files leave a value out.
    if (value !== undefined && value !== '') given[key] = value;
  }
  return checkConfig(given);
}

/** The same from values by key, for programs that start an origin in their own process. */
export function checkConfig(given: Readonly<Record<string, unknown>>): OriginConfig {
  const parsed = OriginConfigSchema.safeParse(given);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const key = String(issue?.path[0] ?? '');
    throw invalid(key, issue?.message ?? 'is not valid');
  }
  const config = parsed.data;
  if ((config.tlsCert === undefined) !== (config.tlsKey === undefined)) {
    const lacking = config.tlsCert === undefined ? 'tlsCert' : 'tlsKey';
    throw invalid(lacking, 'is needed: a certificate and its key go together');
  }
  if (config.tlsCert === undefined && !config.insecureHttp && !isLoopback(config.listen)) {
    throw new FleetseedError(
      'INSECURE_HTTP_REFUSED',
      `Plain HTTP on ${config.listen} would show tokens to the network: give --tls-cert and --tls-key, or --insecure-http.`,
      { listen: config.listen },
    );
  }
  return config;
}

function parseFlags(argv: readonly string[]): Record<string, string | undefined> {
  const options = Object.fromEntries(
    KEYS.map((key) => [
      flagOf(key),
      { type: SWITCH_KEYS.includes(key) ? ('boolean' as const) : ('string' as const) },
    ]),
  );
  try {
    const { values } = parseArgs({ args: [...argv], options, allowPositionals: false });
    return Object.fromEntries(
      Object.entries(values).map(([flag, value]) => [
        flag,
        typeof value === 'boolean' ? 'on' : String(value),
      ]),
    );
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new FleetseedError('USAGE', `fleetseed origin: ${reason}`, {}, { cause: error });
  }
}

function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address.startsWith('[::1]:');
}

function invalid(key: string, reason: string): FleetseedError {
  return new FleetseedError(
    'CONFIG_INVALID',
    `The value of --${flagOf(key)} (${variableOf(key)}) is not usable: ${reason}.`,
    { key: variableOf(key), flag: `--${flagOf(key)}` },
  );
}
