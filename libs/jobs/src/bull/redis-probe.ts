import { configurationError } from '#lib/contracts';
import { deadline, untilAborted } from '#lib/runtime';

import { redisAddressOf } from './redis-address.js';

export interface ProbeOptions {
  /** The key of the configuration that errors name. */
  readonly setting: string;
  /** What keys begin with; one of them is written. */
  readonly prefix: string;
  /** For everything together; 5,000 by default. */
  readonly timeoutMs?: number;
}

const LEAST_VERSION = [6, 2] as const;

/**
 * Finds out, before anything is started, whether this Redis can carry the queue: reachable, let in,
 * new enough, writable, and set to keep what it was given. Leaves nothing behind.
 * @throws CONFIG_INVALID that names the setting and says what is wrong
 */
export async function probeRedis(url: string, options: ProbeOptions): Promise<void> {
  const { setting, prefix, timeoutMs = 5000 } = options;
  const { options: address, shown } = redisAddressOf(url);
  const { Redis } = await import('ioredis');
  const client = new Redis({
    ...address,
    lazyConnect: true,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    connectTimeout: timeoutMs,
  });
  // Refused credentials and a database that is not there are events: commands go on without them.
  let told: Error | undefined;
  client.on('error', (error: Error) => (told ??= error));
  const probe = async () => {
    await client.connect();
    const info = await client.info();
    await client.set(`${prefix}:probe`, '1', 'PX', 1000);
    return info;
  };
  let info: string;
  try {
    info = await untilAborted(probe(), deadline(timeoutMs));
    if (told) throw told;
  } catch (thrown) {
    throw configurationError(setting, refusalOf(shown, told ?? thrown), told ?? thrown);
  } finally {
    client.disconnect();
  }
  const unfit = unfitness(info);
  if (unfit !== null) throw configurationError(setting, `the Redis at ${shown} ${unfit}`);
}

/** What its own report says against it, or null. */
export function unfitness(info: string): string | null {
  const facts = new Map(
    info.split(/\r?\n/).map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 1)];
    }),
  );
  const version = facts.get('redis_version') ?? '0';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [leastMajor, leastMinor] = LEAST_VERSION;
  if (major < leastMajor || (major === leastMajor && minor < leastMinor)) {
    return `is version ${version}; at least ${LEAST_VERSION.join('.')} is needed`;
  }
  const policy = facts.get('maxmemory_policy') ?? 'noeviction';
  if (policy !== 'noeviction') {
    return `has maxmemory-policy ${policy}, which drops jobs when memory is short; set it to noeviction`;
  }
  return null;
}

function refusalOf(shown: string, thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  if (/WRONGPASS|NOAUTH|invalid password/i.test(text)) {
    return `the Redis at ${shown} refuses the user or password`;
  }
  if (/NOPERM/.test(text)) return `the Redis at ${shown} does not permit what is needed: ${text}`;
  if (/READONLY/.test(text)) return `the Redis at ${shown} is a read-only replica`;
  if (thrown instanceof Error && thrown.name === 'TimeoutError') {
    return `the Redis at ${shown} does not answer`;
  }
  return `the Redis at ${shown} cannot be used: ${text}`;
}
