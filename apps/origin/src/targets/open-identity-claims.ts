import { configurationError } from '#lib/contracts';
import type { Depot } from '#lib/depot';
import { redisAddressOf } from '#lib/jobs';
import { seldom, type Logger } from '#lib/runtime';
import { PEER_STORE_CONNECTION } from '#lib/tracker';

import type { OriginConfig } from '../config/origin-config.schema.js';
import type { IdentityClaims } from './identity-claims.js';
import { RedisIdentityClaims } from './redis.identity-claims.js';

/**
 * What replicas share of who is there; null for one that is alone, which knows all of it by itself.
 * @throws CONFIG_INVALID that names the setting
 */
export async function openIdentityClaims(
  { redisUrl, redisPrefix }: Pick<OriginConfig, 'redisUrl' | 'redisPrefix'>,
  depot: Depot,
  logger: Logger,
): Promise<IdentityClaims | null> {
  if (redisUrl === undefined) return null;
  const { options, shown } = redisAddressOf(redisUrl);
  const { Redis } = await import('ioredis');
  const redis = new Redis({ ...options, ...PEER_STORE_CONNECTION, lazyConnect: true });
  const away = seldom((facts) => logger.warn('redis is away', facts));
  redis.on('error', (error: Error) => away({ redis: shown, error }));
  try {
    await redis.connect();
  } catch (cause) {
    redis.disconnect();
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw configurationError('redisUrl', `the Redis at ${shown} cannot be used: ${reason}`, cause);
  }
  const prefix = `${redisPrefix}:${depot.identity.id}:instance`;
  return new RedisIdentityClaims({ redis, prefix });
}
