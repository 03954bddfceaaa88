#!lua
-- Begin a room anew, under a later epoch, from the state of somebody who knows more of it than the log does. Of several
-- who try, who knows most wins, as long as nothing was decided on a poorer state meanwhile. Of another Redis than the
-- room was written on last, nobody knows whether it has the last commits: who knows no more begins anew as well, and the
-- commits stay.
-- KEYS: head, commits, snapshot, perhaps commands. ARGV: former epoch, epoch, version, state, channel, then versions and
--       commands that the state has
-- Answer: 'seeded', epoch | 'conflict', epoch
local head, commits, snapshot, commands = unpack(KEYS)
local former, epoch, version, state, channel = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local found = redis.call('HMGET', head, 'epoch', 'version', 'snapshot', 'gone', 'former', 'seed', 'server')
local server = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)') or ''
local complete = false

if found[1] then
    local at = tonumber(found[2])
    local torn = redis.call('EXISTS', commits) == 0 or (found[3] ~= '0' and redis.call('EXISTS', snapshot) == 0)
    local doubtful = found[1] == former and at == tonumber(version) and found[7] and found[7] ~= server
    complete = doubtful and not torn
    local behind = found[1] == former and (at < tonumber(version) or (torn and at == tonumber(version)))
    -- Begun anew by another node, or made anew by one that knew nothing of it; and nothing was decided since.
    local poorer = (found[5] == former or found[5] == '') and found[6] == found[2] and at < tonumber(version)
    if not found[4] and found[5] == former and found[6] == version and found[2] == version
        and redis.call('GET', snapshot) == state then
        return { 'seeded', found[1] }
    end
    if found[4] or not (behind or poorer or doubtful) then
        return { 'conflict', found[1] }
    end
    if tonumber(epoch) <= tonumber(found[1]) then
        epoch = string.format('%.0f', tonumber(found[1]) + 1)
    end
end
if not complete then
    redis.call('DEL', commits)
    -- The stream is there from now on, though empty: its absence means that it was lost.
    redis.call('XADD', commits, version .. '-0', 'c', '')
    redis.call('XTRIM', commits, 'MAXLEN', 0)
end
redis.call('SET', snapshot, state)
redis.call(
    'HSET', head, 'epoch', epoch, 'version', version, 'snapshot', version, 'former', former, 'seed', version,
    'server', server
)
for n = 6, #ARGV, 2 do
    redis.call('ZADD', commands, ARGV[n], ARGV[n + 1])
end
redis.call('PUBLISH', channel, epoch .. ' ' .. version .. ' ' .. version .. ' ')
return { 'seeded', epoch }
