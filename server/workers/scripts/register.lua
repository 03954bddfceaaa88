#!lua
-- A worker is there for another while. KEYS: registrations, ends of leases, loads.
-- ARGV: worker, registration (JSON), load, time to live (ms).
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('ZADD', KEYS[2], string.format('%.0f', now + tonumber(ARGV[4])), ARGV[1])
redis.call('HSET', KEYS[3], ARGV[1], ARGV[3])
return 1
