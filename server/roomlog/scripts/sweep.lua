#!lua
-- Let go of the oldest lines of the audit record, at most so many, that are from before a time.
-- KEYS: audit. ARGV: before (ms), at most. Answer: how many, and how many are left
local audit, before, limit = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2])
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
return { gone, redis.call('XLEN', audit) }
