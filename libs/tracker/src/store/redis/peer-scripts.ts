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

const COMMON = String.raw`
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
 * Stores or removes one record and draws candidates for it.
 *
 * ARGV: time, member, record, lifetime (ms), `1` when it leaves, sample (how many candidates besides the
 * origins; 0 for none), most origins, seed of the draw, room (`2`: for new swarms and peers, `1`: for new
 * peers in swarms that are known, `0`: for none), most strangers of a host.
 */
export const ANNOUNCE = String.raw`${COMMON}
local member, record, lifetime, leaves = ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5] == '1'
local sample, most_origins = tonumber(ARGV[6]), tonumber(ARGV[7])
local room, most_strangers = tonumber(ARGV[9]), tonumber(ARGV[10])
math.randomseed(tonumber(ARGV[8]))

-- How long before its end the list of swarms is told again, ms.
local LISTED_AHEAD = 600000
-- Peers taken from one place: few calls, and many places.
local RUN = 4

purge()
local before = redis.call('HGET', records, member)
if before and tonumber(redis.call('ZSCORE', expiry, member) or 0) <= now then
  remove({ member })
  before = false
end

local function has_room()
  if room == 0 or (room == 1 and redis.call('EXISTS', expiry) == 0) then return false end
  if string.sub(record, 1, 1) ~= 's' then return true end
  local strangers = redis.call('HGET', meta, 's' .. string.match(member, '^%S+'))
  return tonumber(strangers or 0) < most_strangers
end

local function store()
  local lane, known = lane_of(member, record), nil
  if before then
    local marks = bit.bor(string.sub(before, 4, 4), string.sub(record, 4, 4))
    record = string.sub(record, 1, 3) .. marks .. string.sub(record, 5)
    known = lane_of(member, before)
    local completes = string.sub(record, 3, 3) == 'c' and string.sub(before, 3, 3) ~= 'c'
    if completes and string.sub(record, 1, 1) ~= 'o' then redis.call('HINCRBY', meta, 'n', 1) end
  end
  redis.call('HSET', records, member, record)
  redis.call('ZADD', expiry, now + lifetime, member)
  if not before or string.sub(before, 1, 3) ~= string.sub(record, 1, 3) then
    if before then count(member, before, -1) end
    count(member, record, 1)
  end
  if known ~= lane then
    if known then redis.call('ZREM', lanes, known) end
    if lane then redis.call('ZADD', lanes, 0, lane) end
  end
  redis.call('PEXPIRE', meta, COMPLETIONS_KEPT)
  for at = 2, 5 do redis.call('PEXPIRE', KEYS[at], KEPT) end
end

-- A range of the lanes, without the hole that begins at its position hole_at and is hole wide.
local function read(range, from, most, into)
  local first = math.min(most, math.max(0, range.hole_at - from))
  local function append(rank, length)
    if length <= 0 then return end
    for _, lane in ipairs(redis.call('ZRANGE', lanes, rank, rank + length - 1)) do
      into[#into + 1] = lane
    end
  end
  append(range.first + from, first)
  append(range.first + from + first + range.hole, most - first)
end

local function member_in(lane)
  local from = string.sub(lane, 1, 1) == 'o' and 1 or string.find(lane, '\0', 1, true)
  return string.sub(lane, from + 9)
end

-- Appends as many as are wanted to the members, each once: all are as likely. Runs of a few from places
-- spread over the range, which begin at one that is drawn.
local function draw(range, want, members)
  local size = range.size
  if want <= 0 or size <= 0 then return end
  -- The peer itself may be among them.
  local most = want + 1
  local drawn = {}
  if size <= 2 * most then
    read(range, 0, size, drawn)
    for last = #drawn, 2, -1 do
      local other = math.random(last)
      drawn[last], drawn[other] = drawn[other], drawn[last]
    end
  else
    local runs = math.ceil(most / RUN)
    local offset = math.random(0, size - 1)
    for run = 0, runs - 1 do
      local from = math.floor(run * size / runs)
      local spare = math.floor((run + 1) * size / runs) - from
      local length = math.floor((run + 1) * most / runs) - math.floor(run * most / runs)
      local at = (offset + from + math.random(0, spare - length)) % size
      local straight = math.min(length, size - at)
      read(range, at, straight, drawn)
      if straight < length then read(range, 0, length - straight, drawn) end
    end
  end
  local left = want
  for _, lane in ipairs(drawn) do
    local other = member_in(lane)
    if left > 0 and other ~= member then
      members[#members + 1] = other
      left = left - 1
    end
  end
end

-- Half of the peer's zone and half of elsewhere, more of one where the other lacks, and origins besides.
local function candidates()
  local members = {}
  local origins = redis.call('ZLEXCOUNT', lanes, '-', '(p')
  local peers = redis.call('ZCARD', lanes) - origins
  local zone = string.match(record, '^%Z*', 32)
  local own = 'p' .. zone .. '\0'
  local begin, near = origins, 0
  if zone ~= '' then
    begin = redis.call('ZLEXCOUNT', lanes, '-', '(' .. own)
    near = redis.call('ZLEXCOUNT', lanes, '-', '(p' .. zone .. '\1') - begin
  end
  local stored = redis.call('HGET', records, member)
  local lane = stored and lane_of(member, stored) or ''
  local is_near = zone ~= '' and string.sub(lane, 1, #own) == own
  local is_far = not is_near and string.sub(lane, 1, 1) == 'p'
  local others_near = near - (is_near and 1 or 0)
  local others_far = peers - near - (is_far and 1 or 0)
  local half = zone == '' and 0 or math.floor(sample / 2)
  local want_near = math.min(others_near, math.max(half, sample - others_far))
  local want_far = math.min(others_far, sample - want_near)
  draw({ first = 0, size = origins, hole_at = origins, hole = 0 }, most_origins, members)
  draw({ first = begin, size = near, hole_at = near, hole = 0 }, want_near, members)
  draw({ first = origins, size = peers - near, hole_at = begin - origins, hole = near }, want_far, members)
  return members
end

local stored, listed = true, 0
if before and string.byte(before, 2) > string.byte(record, 2) then
  stored = false
elseif leaves then
  if before then remove({ member }) end
  settle()
elseif not before and not has_room() then
  stored = false
else
  store()
  local ends = now + lifetime
  if ends > tonumber(redis.call('HGET', meta, 'x') or 0) then
    listed = ends + LISTED_AHEAD
    redis.call('HSET', meta, 'x', listed)
  end
end
return answer(stored, listed, sample > 0 and candidates() or {})
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
 * Adds one to the loads of peers that were handed out. ARGV: time, members.
 */
export const HANDED_OUT = String.raw`${COMMON}
local members = { unpack(ARGV, 2) }
local found = redis.call('HMGET', records, unpack(members))
local loaded = redis.call('HMGET', loads, unpack(members))
local written = {}
for at, member in ipairs(members) do
  if found[at] then
    written[#written + 1] = member
    written[#written + 1] = load_of(loaded[at]) + 1 .. ':' .. now
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
