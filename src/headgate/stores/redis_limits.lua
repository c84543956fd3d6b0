-- One round trip of a process: what it reports and which calls it asks to admit.
--
-- KEYS[1]: the processes that live, by when their lease ends. Then for each entry two names: a key's
-- buckets, and its calls under way by process.
-- ARGV[1], JSON: owner, lease (seconds), leaving, now (seconds, or null for this server's clock) and
-- entries of {limits = {requests, per second, tokens, concurrency or -1}, running, requests, tokens,
-- estimates}. `running` is how many calls the process has under way, -1 where it says nothing of that
-- (such an entry has no limit on calls), `requests` and `tokens` what is
-- to be added to the levels, `estimates` the tokens of each call that waits to be admitted.
-- Answer, JSON: processes, and for each entry a list of {admitted, running, requests, tokens} with
-- the levels as they were left.
--
-- The arithmetic is that of buckets.py.

local INSTANT = 1e-6
local FIELDS = {'capacity', 'per_second', 'requests', 'token_capacity', 'tokens', 'filled_at'}

local request = cjson.decode(ARGV[1])
local now = request.now
if now == cjson.null then
  local time = redis.call('TIME')
  now = tonumber(time[1]) + tonumber(time[2]) / 1e6
end
local lease_milliseconds = math.ceil(request.lease * 1000)

local function text(number)
  return string.format('%.17g', number)
end

-- A key's levels now, after what the entry adds to them, and the limits that they are for. A report
-- alone changes no limits: its process may not know of a change yet.
local function fitted(name, entry)
  local limits = entry.limits
  local capacity, per_second, tokens = limits[1], limits[2], limits[3]
  local kept = redis.call('HMGET', name, unpack(FIELDS))
  for i, value in ipairs(kept) do kept[i] = tonumber(value or nil) end
  if not kept[6] then
    return limits, {
      requests = math.min(capacity, capacity + entry.requests),
      tokens = math.min(tokens, tokens + entry.tokens),
    }
  end
  local requests, token_level = kept[3], kept[5]
  local elapsed = now - kept[6]
  if elapsed > 0 then
    requests = math.min(kept[1], requests + elapsed * kept[2])
    token_level = math.min(kept[4], token_level + elapsed * kept[4] / 60)
  end
  requests = math.min(kept[1], requests + entry.requests)
  if kept[4] > 0 then token_level = math.min(kept[4], token_level + entry.tokens) end
  if #entry.estimates == 0 then
    return {kept[1], kept[2], kept[4]}, {requests = requests, tokens = token_level}
  end
  if capacity ~= kept[1] then requests = requests * capacity / kept[1] end
  if tokens ~= kept[4] then
    token_level = kept[4] == 0 and tokens or token_level * tokens / kept[4]
  end
  return limits, {requests = requests, tokens = token_level}
end

local function kept_for(limits, levels)
  local wait = (limits[1] - levels.requests) / limits[2]
  if limits[3] > 0 then
    wait = math.max(wait, (limits[3] - levels.tokens) * 60 / limits[3])
  end
  -- Buckets that are whole say nothing; a minute more, since nobody is in a hurry.
  return math.ceil((math.max(wait, 0) + 60) * 1000)
end

local function calls_elsewhere(name)
  local calls = redis.call('HGETALL', name)
  local running = 0
  for i = 1, #calls, 2 do
    if calls[i] ~= request.owner then
      if redis.call('ZSCORE', KEYS[1], calls[i]) then
        running = running + tonumber(calls[i + 1])
      else
        redis.call('HDEL', name, calls[i])
      end
    end
  end
  return running
end

local function answered(entry, buckets_name, calls_name)
  local limits, levels = fitted(buckets_name, entry)
  local capacity, per_second, tokens = limits[1], limits[2], limits[3]
  local concurrency = entry.limits[4]
  local elsewhere = concurrency >= 0 and calls_elsewhere(calls_name) or 0
  local own = math.max(entry.running, 0)
  local answers = {}
  for _, asked in ipairs(entry.estimates) do
    local estimate = math.min(asked, math.floor(tokens))
    local admitted = (concurrency < 0 or elsewhere + own < concurrency)
      and (1 - levels.requests) / per_second <= INSTANT
      and (tokens == 0 or (estimate - levels.tokens) * 60 / tokens <= INSTANT)
    local before = elsewhere + own
    if admitted then
      levels.requests = levels.requests - 1
      levels.tokens = levels.tokens - estimate
      own = own + 1
    end
    answers[#answers + 1] = {admitted, before, levels.requests, levels.tokens}
  end
  redis.call('HSET', buckets_name, 'capacity', text(capacity), 'per_second', text(per_second),
    'requests', text(levels.requests), 'token_capacity', text(tokens),
    'tokens', text(levels.tokens), 'filled_at', text(now))
  redis.call('PEXPIRE', buckets_name, kept_for(limits, levels))
  if entry.running >= 0 then
    if own > 0 then
      redis.call('HSET', calls_name, request.owner, own)
      -- Every process says again what it has under way, many times within a lease.
      redis.call('PEXPIRE', calls_name, lease_milliseconds * 6)
    else
      redis.call('HDEL', calls_name, request.owner)
    end
  end
  return answers
end

redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', text(now))
if request.leaving then
  redis.call('ZREM', KEYS[1], request.owner)
else
  redis.call('ZADD', KEYS[1], text(now + request.lease), request.owner)
  redis.call('PEXPIRE', KEYS[1], lease_milliseconds * 6)
end

local entries = {}
for i, entry in ipairs(request.entries) do
  entries[i] = answered(entry, KEYS[2 * i], KEYS[2 * i + 1])
end
-- An empty table would be an object in JSON; so each list carries a first member that is none.
for i, answers in ipairs(entries) do table.insert(answers, 1, {false, 0, 0, 0}) end
table.insert(entries, 1, {{false, 0, 0, 0}})
return cjson.encode({processes = redis.call('ZCARD', KEYS[1]), entries = entries})
