import { configurationError } from '#lib/contracts';
import type { Depot } from '#lib/depot';
import { redisAddressOf } from '#lib/jobs';
import type { Clock, Logger } from '#lib/runtime';

import type { OriginConfig } from '../config/origin-config.schema.js';
import { MemoryReplicaBus } from './memory.replica-bus.js';
import type { ReplicaBus } from './replica-bus.js';

/**
 * The bus that is configured: over Redis, or that of a replica that is alone. The id of the depot is
 * a part of all names, as with the jobs.
 * @throws CONFIG_INVALID that names the setting
 */
export async function openReplicaBus(
  { redisUrl, redisPrefix }: Pick<OriginConfig, 'redisUrl' | 'redisPrefix'>,
  depot: Depot,
  clock: Clock,
  logger: Logger,
): Promise<ReplicaBus> {
  if (redisUrl === undefined) return new MemoryReplicaBus();
  const address = redisAddressOf(redisUrl);
  const prefix = `${redisPrefix}:${depot.identity.id}:replicas`;
  const { RedisReplicaBus } = await import('./redis.replica-bus.js');
  try {
    return await RedisReplicaBus.open({ address, prefix, clock, logger });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const said = `the Redis at ${address.shown} cannot be used: ${reason}`;
    throw configurationError('redisUrl', said, cause);
  }
}
