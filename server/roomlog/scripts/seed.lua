#!lua
-- Begin a room anew, under a later epoch, from the state of somebody who knows more of it than the log does. Of several
-- who try, who knows most wins, as long as nothing was decided on a poorer state meanwhile.
-- KEYS: head, commits, snapshot. ARGV: former epoch, epoch, version, state, channel
-- Answer: 'seeded', epoch | 'conflict', epoch
local head, commits, snapshot = unpack(KEYS)
local former, epoch, version, state, channel = unpack(ARGV)
local found = redis.call('HMGET', head, 'epoch', 'version', 'snapshot', 'gone', 'former', 'seed')

if found[1] then
    local at = tonumber(found[2])
    local torn = redis.call('EXISTS', commits) == 0 or (found[3] ~= '0' and redis.call('EXISTS', snapshot) == 0)
    local behind = found[1] == former and (at < tonumber(version) or (torn and at == tonumber(version)))
    -- Begun anew by another node, or made anew by one that knew nothing of it; and nothing was decided since.
    local poorer = (found[5] == former or found[5] == '') and found[6] == found[2] and at < tonumber(version)
    if not found[4] and found[5] == former and found[6] == version and found[2] == version
        and redis.call('GET', snapshot) == state then
        return { 'seeded', found[1] }
    end
    if found[4] or not (behind or poorer) then
        return { 'conflict', found[1] }
    end
    if tonumber(epoch) <= tonumber(found[1]) then
        epoch = string.format('%.0f', tonumber(found[1]) + 1)
    end
end
redis.call('DEL', commits)
-- The stream is there from now on, though empty: its absence means that it was lost.
redis.call('XADD', commits, version .. '-0', 'c', '')
redis.call('XTRIM', commits, 'MAXLEN', 0)
redis.call('SET', snapshot, state)
redis.call(
    'HSET', head, 'epoch', epoch, 'version', version, 'snapshot', version, 'former', former, 'seed', version
)
redis.call('PUBLISH', channel, epoch .. ' ' .. version .. ' ' .. version .. ' ')
return { 'seeded', epoch }
