#!lua
-- Keep a state, and let go of the commits up to it or to an earlier version; unless a newer one is kept or the epoch is
-- another.
-- KEYS: head, commits, snapshot. ARGV: epoch, version, state, version up to which commits go. Answer: 1 or 0
local head, commits, snapshot = unpack(KEYS)
local epoch, version, state, gone = unpack(ARGV)
local found = redis.call('HMGET', head, 'epoch', 'version', 'snapshot', 'gone')
if found[4] or found[1] ~= epoch then
    return 0
end
if tonumber(version) <= tonumber(found[3]) or tonumber(version) > tonumber(found[2]) then
    return 0
end
redis.call('SET', snapshot, state)
redis.call('HSET', head, 'snapshot', version)
redis.call('XTRIM', commits, 'MINID', string.format('%.0f', tonumber(gone) + 1) .. '-0')
return 1
