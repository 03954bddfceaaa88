#!lua flags=no-writes
-- Everything kept of a room, at one moment.
-- KEYS: head, commits, snapshot. Answer: nothing | 'torn' | epoch, version of the snapshot, state or '', commits
local head, commits, snapshot = unpack(KEYS)
local found = redis.call('HMGET', head, 'epoch', 'version', 'snapshot', 'gone')
if found[4] then
    return {}
end
if not found[1] then
    return redis.call('EXISTS', commits, snapshot) > 0 and { 'torn' } or {}
end
local state = ''
if found[3] ~= '0' then
    state = redis.call('GET', snapshot)
end
local kept, last = {}, found[3]
for _, entry in ipairs(redis.call('XRANGE', commits, '(' .. found[3] .. '-0', '+')) do
    kept[#kept + 1] = entry[2][2]
    last = string.match(entry[1], '^(%d+)')
end
if not state or last ~= found[2] then
    return { 'torn' }
end
return { found[1], found[3], state, kept }
