#!lua
-- KEYS: the lease. ARGV: holder, token. Answer: 1, or 0 when it was not theirs. The token is remembered.
local lease = KEYS[1]
local found = redis.call('HMGET', lease, 'holder', 'token')
if found[1] ~= ARGV[1] or found[2] ~= ARGV[2] then
    return 0
end
redis.call('HSET', lease, 'ends', '0')
return 1
