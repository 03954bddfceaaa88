#!lua
-- Append a commit, if the room is where it was decided and none of its commands is in the log already; with the lines of
-- the audit record, and told to everybody who follows the room.
-- KEYS: head, commits, snapshot, commands, audit, lines
-- ARGV: epoch, expected, version, commit, channel, commands kept, lines kept, commits kept, commits told, time and node,
--       number of commands, the commands, the lines
-- Answer: 'appended' | 'conflict', epoch, missed commits | 'repeated', epoch, then per command its version or '' |
--         'lost' | 'doubtful' | 'torn' | 'overgrown'
local head, commits, snapshot, commands, audit, lines = unpack(KEYS)
local epoch, expected, version, commit, channel = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local kept_commands, kept_lines, kept_commits, told = ARGV[6], ARGV[7], tonumber(ARGV[8]), ARGV[9]
local time, count = ARGV[10], tonumber(ARGV[11])
local found = redis.call('HMGET', head, 'epoch', 'version', 'snapshot', 'gone', 'former', 'seed', 'server')
-- Another one after each restart and each failover.
local server = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)') or ''

if not found[1] then
    local rest = redis.call('EXISTS', commits, snapshot)
    if expected ~= '0' then
        return { 'lost' }
    elseif rest > 0 then
        return { 'torn' }
    end
else
    if found[4] then
        return { 'conflict', found[1], {} }
    end
    if found[1] ~= epoch then
        -- Begun anew from less than the caller knows, and nothing decided since: the caller can do better (seed.lua).
        local untouched = (found[5] == epoch or found[5] == '') and found[6] == found[2]
        if untouched and tonumber(found[2]) < tonumber(expected) then
            return { 'lost' }
        end
        return { 'conflict', found[1], {} }
    end
    local torn = redis.call('EXISTS', commits) == 0 or (found[3] ~= '0' and redis.call('EXISTS', snapshot) == 0)
    if torn or tonumber(found[2]) < tonumber(expected) then
        return { 'lost' }
    end
    if found[2] ~= expected then
        local same = redis.call('XRANGE', commits, version .. '-0', version .. '-0')
        if #same == 1 and same[1][2][2] == commit then
            return { 'appended' }
        end
        local missed = {}
        for _, entry in ipairs(redis.call('XRANGE', commits, '(' .. expected .. '-0', '+', 'COUNT', told)) do
            missed[#missed + 1] = entry[2][2]
        end
        return { 'conflict', found[1], missed }
    end
    if found[7] and found[7] ~= server then
        -- The last commits may be lost, and others under their versions would be two histories in one epoch (seed.lua).
        return { 'doubtful' }
    end
    if redis.call('XLEN', commits) >= kept_commits then
        return { 'overgrown' }
    end
end

if count > 0 then
    local repeated, answer = false, { 'repeated', epoch }
    for n = 1, count do
        local at = redis.call('ZSCORE', commands, ARGV[11 + n])
        repeated = repeated or at
        answer[#answer + 1] = at or ''
    end
    if repeated then
        return answer
    end
end

redis.call('XADD', commits, version .. '-0', 'c', commit)
if found[1] then
    redis.call('HSET', head, 'version', version, 'server', server)
else
    redis.call(
        'HSET', head, 'epoch', epoch, 'version', version, 'snapshot', '0', 'former', '', 'seed', version,
        'server', server
    )
end
if count > 0 then
    for n = 1, count do
        redis.call('ZADD', commands, version, ARGV[11 + n])
    end
    redis.call('ZREMRANGEBYRANK', commands, 0, -1 - kept_commands)
end
for n = 12 + count, #ARGV do
    local number = redis.call('INCR', lines)
    redis.call('XADD', audit, 'MAXLEN', '~', kept_lines, number .. '-0', 't', time, 'l', ARGV[n])
end
redis.call('PUBLISH', channel, epoch .. ' ' .. expected .. ' ' .. version .. ' ' .. commit)
return { 'appended' }
