#!lua
-- Move a place on, if it is where it was thought to be; asked a second time it has been moved already.
-- KEYS: the places of a subscription. ARGV: conference, former place or '', place. Answer: 1 or 0
local places, conference, former, place = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local found = redis.call('HGET', places, conference) or ''
if found ~= former and found ~= place then
    return 0
end
redis.call('HSET', places, conference, place)
return 1
