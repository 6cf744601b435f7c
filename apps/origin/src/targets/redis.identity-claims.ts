import type { Redis } from 'ioredis';

import { RedisScript } from '#lib/tracker';

import {
  CLAIM_HOLD_MS,
  CLAIM_STREAM_MS,
  type IdentityClaim,
  type IdentityClaims,
} from './identity-claims.js';

/**
 * One hash a target: `instance`, `until` (ms, when it is free without streams), and by replica until when its
 * stream is believed. Times are those of Redis unless one is given, so clocks of replicas may differ.
 */
const CLAIM = new RedisScript(`
local key, instance, replica, stream = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local hold, believed = tonumber(ARGV[4]), tonumber(ARGV[5])
local now = tonumber(ARGV[6])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local function hasStream()
  for at = 7, #ARGV do
    local ends = redis.call('HGET', key, 'at:' .. ARGV[at])
    if ends and tonumber(ends) > now then return true end
  end
  return false
end
local holder = redis.call('HGET', key, 'instance')
if holder ~= instance then
  if stream == 'closed' then return 0 end
  if holder then
    if tonumber(redis.call('HGET', key, 'until')) > now or hasStream() then return 0 end
    redis.call('DEL', key)
  end
end
if stream == 'open' then redis.call('HSET', key, 'at:' .. replica, now + believed) end
if stream == 'closed' then redis.call('HDEL', key, 'at:' .. replica) end
local free = now + hold
if stream == 'closed' then
  free = now
  if hasStream() then free = tonumber(redis.call('HGET', key, 'until')) end
end
redis.call('HSET', key, 'instance', instance, 'until', free)
redis.call('PEXPIRE', key, hold + believed)
return 1
`);

export interface RedisIdentityClaimsOptions {
  /** Connected, and quick to fail; closed with the claims. */
  readonly redis: Redis;
  /** What all keys begin with. */
  readonly prefix: string;
  /** Ms of one clock; the time of Redis without it. */
  readonly now?: () => number;
}

/** Claims that all replicas share: one script on one key a claim. */
export class RedisIdentityClaims implements IdentityClaims {
  constructor(private readonly options: RedisIdentityClaimsOptions) {}

  async claim({ target, instance, replica, stream, alive }: IdentityClaim): Promise<boolean> {
    const { redis, prefix, now } = this.options;
    const words = [instance, replica, stream ?? '', CLAIM_HOLD_MS, CLAIM_STREAM_MS, now?.() ?? ''];
    return (await CLAIM.run(redis, [`${prefix}:${target}`], [...words, ...alive])) === 1;
  }

  onBack(listener: () => void): () => void {
    const { redis } = this.options;
    redis.on('ready', listener);
    return () => redis.off('ready', listener);
  }

  close(): void {
    this.options.redis.disconnect();
  }
}
