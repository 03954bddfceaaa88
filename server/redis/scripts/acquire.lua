#!lua
-- KEYS: the lease. ARGV: holder, time to live (ms), note, how long a token is remembered (ms).
-- Answer: 'ours', token; or 'theirs', holder, token, ms left, note.
local lease = KEYS[1]
local holder, ttl, note, remembered = ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local found = redis.call('HMGET', lease, 'holder', 'token', 'ends', 'note')
local token, ends = tonumber(found[2] or 0), tonumber(found[3] or 0)

if ends > now and found[1] ~= holder then
    return { 'theirs', found[1], found[2], string.format('%.0f', ends - now), found[4] }
end
if ends <= now then
    -- Also after the key itself was forgotten, the time of day is greater than any token given before.
    token = math.max(token + 1, now)
end
local given = string.format('%.0f', token)
redis.call('HSET', lease, 'holder', holder, 'token', given, 'ends', string.format('%.0f', now + ttl), 'note', note)
redis.call('PEXPIRE', lease, ttl + remembered)
return { 'ours', given }
