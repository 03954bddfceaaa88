#!lua
-- Let go of the oldest lines of the audit record, at most so many, that are from before a time.
-- KEYS: audit, lines. ARGV: before (ms), at most, '1' when the room is let go of: then nothing is left of an empty record.
-- Answer: how many, and how many are left
local audit, lines, before, limit = KEYS[1], KEYS[2], tonumber(ARGV[1]), tonumber(ARGV[2])
local gone, last = 0, nil
for _, entry in ipairs(redis.call('XRANGE', audit, '-', '+', 'COUNT', limit)) do
    if tonumber(string.match(entry[2][2], '^%d+')) >= before then
        break
    end
    gone, last = gone + 1, entry[1]
end
if last then
    local number = tonumber(string.match(last, '^(%d+)'))
    redis.call('XTRIM', audit, 'MINID', string.format('%.0f', number + 1) .. '-0')
end
local left = redis.call('XLEN', audit)
if left == 0 and ARGV[3] == '1' then
    redis.call('DEL', audit, lines)
end
return { gone, left }
