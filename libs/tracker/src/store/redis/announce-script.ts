import { COMMON } from './peer-scripts.js';

/**
 * Stores or removes records of one swarm, and draws candidates for those who announced.
 *
 * ARGV: time, most origins, seed of the draw, room (`2`: for new swarms and peers, `1`: for new peers in swarms
 * that are known, `0`: for none), most strangers of a host; then of each announce: member, record, lifetime (ms), `1` when it leaves, sample (how many
 * candidates besides the origins; 0 for none at all).
 *
 * Answers: five counts (by state, origins, completions), until when the list of swarms is to have this one (ms,
 * 0 when it has), a text with a letter for each announce (`1` when it was stored), the origins, and three for
 * each zone that somebody asked from: its name, candidates of it, candidates of elsewhere. Candidates are one
 * text: record, load, life (ms) and member with NULs between them, and \1 between candidates.
 *
 * Several who announce at once share what is drawn for their zone, which is more than one of them looks at: up
 * to four times as much, so that no two of them need to see the same peers.
 */
export const ANNOUNCE = String.raw`${COMMON}
local most_origins, room, most_strangers = tonumber(ARGV[2]), tonumber(ARGV[4]), tonumber(ARGV[5])
math.randomseed(tonumber(ARGV[3]))

-- How long before its end the list of swarms is told again, ms.
local LISTED_AHEAD = 600000
-- Peers taken from one place: few calls, and many places.
local RUN = 4
-- Who announces at once shares so many samples at most.
local MOST_SAMPLES = 4

purge()

local function has_room(member, record)
  if room == 0 or (room == 1 and redis.call('EXISTS', expiry) == 0) then return false end
  if string.sub(record, 1, 1) ~= 's' then return true end
  local strangers = redis.call('HGET', meta, 's' .. string.match(member, '^%S+'))
  return tonumber(strangers or 0) < most_strangers
end

local function zone_of(record)
  return string.match(record, '^%Z*', 32)
end

local function store(member, record, before, lifetime)
  local stays = false
  if before then
    local marks = bit.bor(string.sub(before, 4, 4), string.sub(record, 4, 4))
    record = string.sub(record, 1, 3) .. marks .. string.sub(record, 5)
    local completes = string.sub(record, 3, 3) == 'c' and string.sub(before, 3, 3) ~= 'c'
    if completes and string.sub(record, 1, 1) ~= 'o' then redis.call('HINCRBY', meta, 'n', 1) end
    local same_kind = (string.sub(before, 1, 1) == 'o') == (string.sub(record, 1, 1) == 'o')
    stays = same_kind and zone_of(before) == zone_of(record)
  end
  if record ~= before then redis.call('HSET', records, member, record) end
  redis.call('ZADD', expiry, now + lifetime, member)
  if not before or string.sub(before, 1, 3) ~= string.sub(record, 1, 3) then
    if before then count(member, before, -1) end
    count(member, record, 1)
  end
  if stays then return end
  local lane, known = lane_of(member, record), before and lane_of(member, before)
  if known then redis.call('ZREM', lanes, known) end
  if lane then redis.call('ZADD', lanes, 0, lane) end
end

-- A range of the lanes, without the hole that begins at its position hole_at and is hole wide.
local function read(range, from, most, into)
  local before = math.min(most, math.max(0, range.hole_at - from))
  local function append(rank, length)
    if length <= 0 then return end
    for _, lane in ipairs(redis.call('ZRANGE', lanes, rank, rank + length - 1)) do
      into[#into + 1] = lane
    end
  end
  append(range.first + from, before)
  append(range.first + from + before + range.hole, most - before)
end

local function member_in(lane)
  local from = string.sub(lane, 1, 1) == 'o' and 1 or string.find(lane, '\0', 1, true)
  return string.sub(lane, from + 9)
end

-- As many members as are wanted, each once, all as likely, in no order. Runs of a few from places spread over
-- the range, which begin at one that is drawn.
local function draw(range, want)
  local size, drawn = range.size, {}
  if want <= 0 or size <= 0 then return drawn end
  if size <= 2 * want then
    read(range, 0, size, drawn)
  else
    local runs = math.ceil(want / RUN)
    local offset = math.random(0, size - 1)
    for run = 0, runs - 1 do
      local from = math.floor(run * size / runs)
      local spare = math.floor((run + 1) * size / runs) - from
      local length = math.floor((run + 1) * want / runs) - math.floor(run * want / runs)
      local at = (offset + from + math.random(0, spare - length)) % size
      local straight = math.min(length, size - at)
      read(range, at, straight, drawn)
      if straight < length then read(range, 0, length - straight, drawn) end
    end
  end
  local members = {}
  for last = #drawn, 1, -1 do
    local other = math.random(last)
    drawn[last], drawn[other] = drawn[other], drawn[last]
    if #members < want then members[#members + 1] = member_in(drawn[last]) end
  end
  return members
end

-- Members as candidates.
local function told(members)
  if #members == 0 then return '' end
  local found = redis.call('HMGET', records, unpack(members))
  local loaded = redis.call('HMGET', loads, unpack(members))
  local ends = redis.call('ZMSCORE', expiry, unpack(members))
  local texts = {}
  for at, member in ipairs(members) do
    local left = ends[at] and ends[at] - now or 0
    if found[at] and left > 0 then
      texts[#texts + 1] = found[at] .. '\0' .. load_of(loaded[at]) .. '\0' .. left .. '\0' .. member
    end
  end
  return table.concat(texts, '\1')
end

-- What a zone sees: half of itself and half of elsewhere, more of one where the other lacks.
local function candidates(zone, asked, origins, peers)
  local own = 'p' .. zone .. '\0'
  local begin, near = origins, 0
  if zone ~= '' then
    begin = redis.call('ZLEXCOUNT', lanes, '-', '(' .. own)
    near = redis.call('ZLEXCOUNT', lanes, '-', '(p' .. zone .. '\1') - begin
  end
  local far = peers - near
  -- Who asks may be among them, and is not for itself.
  local sample = asked.sample * math.min(asked.times, MOST_SAMPLES) + 1
  local half = zone == '' and 0 or math.floor(sample / 2) + 1
  local want_near = math.min(near, math.max(half, sample - far))
  local want_far = math.min(far, math.max(sample - half, sample - near))
  return told(draw({ first = begin, size = near, hole_at = near, hole = 0 }, want_near)),
    told(draw({ first = origins, size = far, hole_at = begin - origins, hole = near }, want_far))
end

local stored, longest, zones, asked = {}, 0, {}, {}
for at = 6, #ARGV, 5 do
  local member, record, lifetime = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2])
  local leaves, sample = ARGV[at + 3] == '1', tonumber(ARGV[at + 4])
  local before = redis.call('HGET', records, member)
  if before and tonumber(redis.call('ZSCORE', expiry, member) or 0) <= now then
    remove({ member })
    before = false
  end
  local takes = '1'
  if before and string.byte(before, 2) > string.byte(record, 2) then
    takes = '0'
  elseif leaves then
    if before then remove({ member }) end
  elseif not before and not has_room(member, record) then
    takes = '0'
  else
    store(member, record, before, lifetime)
    longest = math.max(longest, now + lifetime)
  end
  stored[#stored + 1] = takes
  if sample > 0 then
    local zone = zone_of(record)
    if not asked[zone] then
      zones[#zones + 1] = zone
      asked[zone] = { times = 0, sample = 0 }
    end
    asked[zone].times = asked[zone].times + 1
    asked[zone].sample = math.max(asked[zone].sample, sample)
  end
end
settle()

local listed = 0
if longest > 0 and redis.call('EXISTS', expiry) == 1 then
  redis.call('PEXPIRE', meta, COMPLETIONS_KEPT)
  for at = 2, 5 do redis.call('PEXPIRE', KEYS[at], KEPT) end
  if longest > tonumber(redis.call('HGET', meta, 'x') or 0) then
    listed = longest + LISTED_AHEAD
    redis.call('HSET', meta, 'x', listed)
  end
end

local answers = redis.call('HMGET', meta, 'c', 'd', 'p', 'o', 'n')
for at = 1, 5 do answers[at] = tonumber(answers[at] or 0) end
answers[6] = listed
answers[7] = table.concat(stored)
if #zones == 0 then return answers end
local origins = redis.call('ZLEXCOUNT', lanes, '-', '(p')
local peers = redis.call('ZCARD', lanes) - origins
answers[8] = told(draw({ first = 0, size = origins, hole_at = origins, hole = 0 }, most_origins + 1))
for _, zone in ipairs(zones) do
  local near, far = candidates(zone, asked[zone], origins, peers)
  for _, text in ipairs({ zone, near, far }) do answers[#answers + 1] = text end
end
return answers
`;
