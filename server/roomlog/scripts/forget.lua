#!lua
-- Let go of a room, and remember for a while that it was let go of on purpose: a node that still has it in memory must
-- not take it for lost. The audit record stays.
-- KEYS: head, commits, snapshot, commands. ARGV: how long it is remembered (ms), channel
local head, commits, snapshot, commands = unpack(KEYS)
redis.call('DEL', commits, snapshot, commands)
if redis.call('EXISTS', head) == 1 then
    redis.call('HSET', head, 'gone', '1')
    redis.call('PEXPIRE', head, ARGV[1])
    redis.call('PUBLISH', ARGV[2], '0 0 0 ')
end
return 1
