import type { OnApplicationShutdown } from '@nestjs/common';

import { configurationError } from '#lib/contracts';
import type { Depot } from '#lib/depot';
import { redisAddressOf } from '#lib/jobs';
import { seldom, systemRandom, type Clock, type Logger } from '#lib/runtime';
import {
  MemoryPeerStore,
  PEER_STORE_CONNECTION,
  RedisPeerStore,
  SurvivingPeerStore,
  type PeerStore,
} from '#lib/tracker';

import type { OriginConfig } from '../config/origin-config.schema.js';

/** The tracker's peer store, and what has to be closed after everything that announces has ended. */
export class OpenedPeerStore implements OnApplicationShutdown {
  constructor(
    readonly store: PeerStore,
    private readonly close: () => void = () => undefined,
    private readonly shared: Pick<SurvivingPeerStore, 'isShared'> | null = null,
  ) {}

  /** Whether the peers of all replicas are seen; null for a store inside this process. */
  get isShared(): boolean | null {
    return this.shared?.isShared ?? null;
  }

  onApplicationShutdown(): void {
    this.close();
  }
}

/**
 * The store that is configured: in this process, or in the Redis that all replicas share. The id of the
 * depot is a part of all keys, as with the jobs.
 * @throws CONFIG_INVALID that names the setting
 */
export async function openPeerStore(
  { redisUrl, redisPrefix }: Pick<OriginConfig, 'redisUrl' | 'redisPrefix'>,
  depot: Depot,
  clock: Clock,
  logger: Logger,
): Promise<OpenedPeerStore> {
  const own = new MemoryPeerStore({ clock, random: systemRandom });
  if (redisUrl === undefined) return new OpenedPeerStore(own);
  const { options, shown } = redisAddressOf(redisUrl);
  const { Redis } = await import('ioredis');
  const redis = new Redis({ ...options, ...PEER_STORE_CONNECTION, lazyConnect: true });
  const away = seldom((facts) => logger.warn('redis is away', facts));
  redis.on('error', (error: Error) => away({ redis: shown, error }));
  const prefix = `${redisPrefix}:${depot.identity.id}:tracker`;
  try {
    await redis.connect();
    const shared = await RedisPeerStore.open({ redis, prefix, clock, random: systemRandom });
    const surviving = new SurvivingPeerStore({ shared, own, clock, logger });
    const close = () => {
      surviving.close();
      shared.close();
      redis.disconnect();
    };
    return new OpenedPeerStore(surviving, close, surviving);
  } catch (cause) {
    redis.disconnect();
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw configurationError('redisUrl', `the Redis at ${shown} cannot be used: ${reason}`, cause);
  }
}
