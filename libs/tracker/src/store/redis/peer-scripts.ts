/*
 * The scripts of the Redis peer store. Each runs as one step, on the keys of one swarm, which share a hash
 * tag; no other key is touched, so that a Redis Cluster runs them on the node that has the swarm.
 *
 * KEYS of all of them, in this order (see SwarmKeys):
 *   meta     hash: peers by state `c` complete, `d` downloading, `p` paused; `o` origins; `n` completions;
 *            `s<host>` strangers of one host; `x` until when the list of swarms has this one, ms
 *   records  hash: member to record
 *   expiry   sorted set: member by the time from which it does not exist, ms
 *   lanes    sorted set of those that may be handed out, in the order of their bytes: `o` and a peer's place
 *            for origins, `p`, zone, NUL and a place for others. A place is eight digits of the member's
 *            SHA-1 and the member: neighbours in a zone have nothing to do with each other
 *   loads    hash: member to `<load>:<time>`
 *
 * A member is `host port`, or `host 0 peerId` for a peer that does not listen. A record (record.codec.ts)
 * begins with kind (`o` origin, `m` member, `s` stranger), rank, state and marks (1: v1, 2: v2), a letter
 * each, and 27 letters of peer id; its zone follows up to a NUL. The rest means nothing here.
 *
 * ARGV[1] of all is the time, ms, or '' for that of the server, which replicas need not agree about with it.
 */

/** What all of them begin with. */
export const COMMON = String.raw`
local meta, records, expiry, lanes, loads = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

local HALF_LIFE = 30000
-- Expired records that one call removes: about a millisecond.
local MOST_REMOVED = 1000
-- A record lives for an hour at most.
local KEPT = 3660000
local COMPLETIONS_KEPT = 86400000

local function lane_of(member, record)
  if string.find(member, ' 0 ', 1, true) then return nil end
  local place = string.sub(redis.sha1hex(member), 1, 8) .. member
  if string.sub(record, 1, 1) == 'o' then return 'o' .. place end
  return 'p' .. string.match(record, '^%Z*', 32) .. '\0' .. place
end

local function count(member, record, change)
  local kind = string.sub(record, 1, 1)
  redis.call('HINCRBY', meta, kind == 'o' and 'o' or string.sub(record, 3, 3), change)
  if kind ~= 's' then return end
  local field = 's' .. string.match(member, '^%S+')
  if redis.call('HINCRBY', meta, field, change) <= 0 then redis.call('HDEL', meta, field) end
end

local function remove(members)
  local found = redis.call('HMGET', records, unpack(members))
  local gone = {}
  for at, member in ipairs(members) do
    local record = found[at]
    if record then
      count(member, record, -1)
      gone[#gone + 1] = lane_of(member, record)
    end
  end
  redis.call('HDEL', records, unpack(members))
  redis.call('HDEL', loads, unpack(members))
  redis.call('ZREM', expiry, unpack(members))
  if #gone > 0 then redis.call('ZREM', lanes, unpack(gone)) end
end

-- Of a swarm that nobody is left in, the completions stay for a while.
local function settle()
  if redis.call('EXISTS', expiry) == 1 then return end
  local completions = redis.call('HGET', meta, 'n')
  if redis.call('HLEN', meta) <= (completions and 1 or 0) then return end
  redis.call('DEL', meta, records, lanes, loads)
  if not completions then return end
  redis.call('HSET', meta, 'n', completions)
  redis.call('PEXPIRE', meta, COMPLETIONS_KEPT)
end

local function purge()
  local over = redis.call('ZRANGEBYSCORE', expiry, '-inf', now, 'LIMIT', 0, MOST_REMOVED)
  if #over > 0 then remove(over) end
  settle()
end

local function load_of(text)
  if not text then return 0 end
  local value, at = string.match(text, '^(.-):(.*)$')
  return value * 0.5 ^ ((now - at) / HALF_LIFE)
end

-- Six numbers (counts by state, origins, completions, whether stored), then 'x' or 0, then four of each
-- member: itself, record, load, how long it lives, ms.
local function answer(stored, listed, members)
  local told = redis.call('HMGET', meta, 'c', 'd', 'p', 'o', 'n')
  for at = 1, 5 do told[at] = tonumber(told[at] or 0) end
  told[6] = stored and 1 or 0
  told[7] = listed
  if #members == 0 then return told end
  local found = redis.call('HMGET', records, unpack(members))
  local loaded = redis.call('HMGET', loads, unpack(members))
  local ends = redis.call('ZMSCORE', expiry, unpack(members))
  for at, member in ipairs(members) do
    local left = ends[at] and ends[at] - now or 0
    if found[at] and left > 0 then
      told[#told + 1] = member
      told[#told + 1] = found[at]
      told[#told + 1] = tostring(load_of(loaded[at]))
      told[#told + 1] = left
    end
  end
  return told
end
`;

/**
 * Counts of a swarm and some of its peers. ARGV: time, most peers.
 */
export const LOOK = String.raw`${COMMON}
purge()
local most = tonumber(ARGV[2])
local members = {}
if most > 0 then
  members = redis.call('ZRANGEBYSCORE', expiry, '(' .. now, '+inf', 'LIMIT', 0, most)
end
return answer(true, 0, members)
`;

/**
 * Adds to the loads of peers that were handed out. ARGV: time, and two for each: member, load.
 */
export const HANDED_OUT = String.raw`${COMMON}
local members, added = {}, {}
for at = 2, #ARGV, 2 do
  members[#members + 1] = ARGV[at]
  added[#added + 1] = tonumber(ARGV[at + 1])
end
local found = redis.call('HMGET', records, unpack(members))
local loaded = redis.call('HMGET', loads, unpack(members))
local written = {}
for at, member in ipairs(members) do
  if found[at] then
    written[#written + 1] = member
    written[#written + 1] = load_of(loaded[at]) + added[at] .. ':' .. now
  end
end
if #written == 0 then return 0 end
redis.call('HSET', loads, unpack(written))
redis.call('PEXPIRE', loads, KEPT)
return 0
`;

/**
 * A page of the list of swarms, a sorted set by the time until which somebody may be in them; removes some
 * of those that are over. KEYS: the list. ARGV: time, cursor. Answers as ZSCAN does.
 */
export const LIST_SWARMS = String.raw`
local now = tonumber(ARGV[1])
if not now then now = redis.call('TIME')[1] * 1000 end
local over = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, 1000)
if #over > 0 then redis.call('ZREM', KEYS[1], unpack(over)) end
return redis.call('ZSCAN', KEYS[1], ARGV[2], 'COUNT', 200)
`;
