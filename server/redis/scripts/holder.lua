#!lua flags=no-writes
-- KEYS: the lease. Answer: holder, token, ms left, note; or nothing.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local found = redis.call('HMGET', KEYS[1], 'holder', 'token', 'ends', 'note')
if not found[1] or tonumber(found[3]) <= now then
    return {}
end
return { found[1], found[2], string.format('%.0f', tonumber(found[3]) - now), found[4] }
