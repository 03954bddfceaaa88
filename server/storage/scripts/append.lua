#!lua
-- Append an entry, if the log is where it was written; and tell it to everybody who follows. As a room's append.lua, and
-- with turns: who has lost several times is let in before the others, for a moment.
-- KEYS: head, commits, snapshot, turn
-- ARGV: epoch, expected, version, entry, channel, entries kept, entries told, who, how long a turn lasts (ms) or 0,
--       id of the entry before, id of this one
-- Answer: 'appended' | 'conflict', epoch, missed entries | 'wait' | 'lost' | 'overgrown'
local head, commits, snapshot, turn = unpack(KEYS)
local epoch, expected, version, entry, channel = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local kept, told, who, lasts = tonumber(ARGV[6]), ARGV[7], ARGV[8], ARGV[9]
local found = redis.call('HMGET', head, 'epoch', 'version', 'former', 'seed', 'last')

if not found[1] then
    return { 'lost' }
end
if found[1] ~= epoch then
    -- Begun anew from less than the caller knows, and nothing written since: the caller can do better (seed.lua).
    local untouched = found[3] == epoch and found[4] == found[2]
    if untouched and tonumber(found[2]) < tonumber(expected) then
        return { 'lost' }
    end
    return { 'conflict', found[1], {} }
end
if redis.call('EXISTS', commits) + redis.call('EXISTS', snapshot) < 2 or tonumber(found[2]) < tonumber(expected) then
    return { 'lost' }
end
if found[2] ~= expected then
    local same = redis.call('XRANGE', commits, version .. '-0', version .. '-0')
    if #same == 1 and same[1][2][2] == entry then
        return { 'appended' }
    end
    if lasts ~= '0' then
        redis.call('SET', turn, who, 'PX', lasts, 'NX')
    end
    local missed = {}
    for _, one in ipairs(redis.call('XRANGE', commits, '(' .. expected .. '-0', '+', 'COUNT', told)) do
        missed[#missed + 1] = one[2][2]
    end
    return { 'conflict', found[1], missed }
end
-- A log that was set back and written on has another entry under this version. A mark of another place is none: what
-- was begun anew, or written on by an older Podium, has left it.
local here = epoch .. ' ' .. expected .. ' '
local last = found[5] or ''
if string.sub(last, 1, #here) == here and last ~= here .. ARGV[10] then
    return { 'conflict', found[1], {} }
end
local first = redis.call('GET', turn)
if first and first ~= who then
    return { 'wait' }
end
if redis.call('XLEN', commits) >= kept then
    return { 'overgrown' }
end
redis.call('XADD', commits, version .. '-0', 'c', entry)
redis.call('HSET', head, 'version', version, 'last', epoch .. ' ' .. version .. ' ' .. ARGV[11])
if first then
    redis.call('DEL', turn)
end
redis.call('PUBLISH', channel, epoch .. ' ' .. expected .. ' ' .. version .. ' ' .. entry)
return { 'appended' }
