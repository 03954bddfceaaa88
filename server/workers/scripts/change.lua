#!lua
-- A room is laid out otherwise, unless somebody else has changed it. KEYS: placement, registrations, ends of leases.
-- ARGV: the token that is known, first worker, layout, time to live (ms), pause between doubtful moves (ms), then the
--       workers that are left out because they cannot be reached.
-- Answer: token, layout, as they are from now on; nothing when Redis does not know the room.
local placement, registrations, ends = unpack(KEYS)
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local found = redis.call('HMGET', placement, 'token', 'moved', 'layout')
local token, moved, layout = found[1], tonumber(found[2] or 0), found[3]
if not layout then
    return {}
end
redis.call('PEXPIRE', placement, ARGV[4])
if token ~= ARGV[1] then
    return { token, layout }
end
for index = 6, #ARGV do
    local lease = redis.call('HEXISTS', registrations, ARGV[index]) == 1 and redis.call('ZSCORE', ends, ARGV[index])
    if lease and tonumber(lease) > now and now - moved < tonumber(ARGV[5]) then
        -- Of two nodes each may reach another worker only; the room must not go to and fro.
        return { token, layout }
    end
end
if #ARGV > 5 then
    moved = now
end
token = string.format('%.0f', math.max(tonumber(token) + 1, now))
redis.call('HSET', placement, 'worker', ARGV[2], 'token', token, 'layout', ARGV[3], 'moved', string.format('%.0f', moved))
return { token, ARGV[3] }
