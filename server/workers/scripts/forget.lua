#!lua
-- Workers are gone. KEYS: registrations, ends of leases, loads. ARGV: the workers.
redis.call('HDEL', KEYS[1], unpack(ARGV))
redis.call('ZREM', KEYS[2], unpack(ARGV))
redis.call('HDEL', KEYS[3], unpack(ARGV))
return 1
