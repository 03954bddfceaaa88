#!lua
-- KEYS: the lease. ARGV: holder, token, time to live (ms), how long a token is remembered (ms), perhaps a new note.
-- Answer: 1, or 0 when the lease has ended or is somebody else's.
local lease = KEYS[1]
local ttl, remembered = tonumber(ARGV[3]), tonumber(ARGV[4])
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local found = redis.call('HMGET', lease, 'holder', 'token', 'ends')

if found[1] ~= ARGV[1] or found[2] ~= ARGV[2] or tonumber(found[3]) <= now then
    return 0
end
redis.call('HSET', lease, 'ends', string.format('%.0f', now + ttl))
if ARGV[5] then
    redis.call('HSET', lease, 'note', ARGV[5])
end
redis.call('PEXPIRE', lease, ttl + remembered)
return 1
