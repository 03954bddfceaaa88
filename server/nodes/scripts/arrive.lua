#!lua
-- Somebody is about to enter a conference. A token is the time of day at least, so that it is greater than any before
-- also when the key was forgotten.
-- KEYS: the person. ARGV: conference, holder, how long it may take (ms), how long it is kept (ms), conferences kept
-- Answer: token, the other conferences in which they may be; or nothing, when another arrival is under way.
local person = KEYS[1]
local conference, holder, lasts, kept, most = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local found = redis.call('HMGET', person, 'holder', 'ends', 'token', 'in')
local token = tonumber(found[3] or 0)

if found[1] ~= holder then
    if tonumber(found[2] or 0) > now then
        return {}
    end
    token = math.max(token + 1, now)
end
local others = {}
for other in string.gmatch(found[4] or '', '%S+') do
    if other ~= conference and #others < most - 1 then
        others[#others + 1] = other
    end
end
local given = string.format('%.0f', token)
redis.call(
    'HSET', person, 'holder', holder, 'ends', string.format('%.0f', now + lasts), 'token', given,
    'in', table.concat({ conference, unpack(others) }, ' ')
)
redis.call('PEXPIRE', person, kept)
return { given, unpack(others) }
