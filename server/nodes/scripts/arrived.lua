#!lua
-- An arrival is over. KEYS: the person. ARGV: token, how long it is kept (ms), the conferences they are in
-- Answer: 1, or 0 when another arrival has come in between.
local person = KEYS[1]
if redis.call('HGET', person, 'token') ~= ARGV[1] then
    return 0
end
redis.call('HSET', person, 'ends', '0', 'in', table.concat(ARGV, ' ', 3))
redis.call('PEXPIRE', person, ARGV[2])
return 1
