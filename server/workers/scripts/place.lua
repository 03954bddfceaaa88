-- Where a room is, or from now on. KEYS: placement, registrations, ends of leases, loads.
-- ARGV: the token of a placement that is to end or '', '1' when its worker is certainly gone or leaving or '', region,
--       time to live (ms), version of the control link, pause between doubtful moves (ms), what a room counts as, how
--       long ago a lease has ended that is forgotten (ms), then the workers that cannot be reached.
-- Answer: token, layout; or nothing when there is no worker, or the room is on one of another version.
local placement, registrations, ends, loads = unpack(KEYS)
local fence, certain, region, ttl, version = ARGV[1], ARGV[2] == '1', ARGV[3], ARGV[4], tonumber(ARGV[5])
local pause, weight, forgotten = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local now = milliseconds()
local found = redis.call('HMGET', placement, 'worker', 'token', 'moved', 'layout')
local worker, token, layout = found[1], found[2], found[4]
local known = worker and redis.call('HGET', registrations, worker)

local function stays()
    redis.call('PEXPIRE', placement, ttl)
    return { token, layout }
end

local function leased()
    local lease = redis.call('ZSCORE', ends, worker)
    return lease and tonumber(lease) > now
end

if known and (not layout or cjson.decode(known).version ~= version) then
    -- Nodes that understand it may have the room there: it is waited for while it lives.
    if leased() then
        return {}
    end
    known, layout = false, false
end
if layout and token ~= fence and (known or #cjson.decode(layout).workers > 1) then
    -- Also when its lease has ended: Redis may have stood still. Whoever cannot reach it says so. When the first of
    -- several is gone, who sees that has another one take its place.
    return stays()
end
if known and not certain and now - tonumber(found[3] or 0) < pause and leased() then
    -- Of two nodes each may reach another worker only; the room must not go to and fro.
    return stays()
end

local late = redis.call('ZRANGEBYSCORE', ends, '-inf', string.format('%.0f', now - forgotten), 'LIMIT', 0, 100)
if #late > 0 then
    redis.call('HDEL', registrations, unpack(late))
    redis.call('ZREM', ends, unpack(late))
    redis.call('HDEL', loads, unpack(late))
end

local avoided = {}
for index = 9, #ARGV do
    avoided[ARGV[index]] = true
end
if worker then
    avoided[worker] = true
end
local best, text = choose(registrations, ends, loads, now, region, version, avoided, true)
if not best then
    if known and layout and cjson.decode(known).draining then
        return stays()
    end
    return {}
end
-- Also after the key itself was forgotten, the time of day is greater than any token given before.
token = string.format('%.0f', math.max(tonumber(token or 0) + 1, now))
layout = '{"workers":[' .. text .. '],"links":[]}'
redis.call('HSET', placement, 'worker', best, 'token', token, 'layout', layout,
    'moved', worker and string.format('%.0f', now) or '0')
redis.call('PEXPIRE', placement, ttl)
redis.call('HINCRBY', loads, best, weight)
return { token, layout }
