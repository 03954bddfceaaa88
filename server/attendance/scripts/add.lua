#!lua
-- Add figures to those of stays; let go of stays that were written long ago, and of the oldest of too many.
-- KEYS: figures, when written. ARGV: now, before (ms), stays kept, then name and figures of each
local kept, written = KEYS[1], KEYS[2]
local now, before, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])

local function numbers(text)
    local found = {}
    for number in string.gmatch(text, '%d+') do
        found[#found + 1] = tonumber(number)
    end
    return found
end

for i = 4, #ARGV, 2 do
    local name, figures = ARGV[i], ARGV[i + 1]
    local former = redis.call('HGET', kept, name)
    if former then
        local one, other = numbers(former), numbers(figures)
        for n = 1, #other do
            -- The last one is the worst minute, all others are sums.
            other[n] = string.format('%.0f', n < #other and one[n] + other[n] or math.max(one[n], other[n]))
        end
        figures = table.concat(other, ' ')
    end
    redis.call('HSET', kept, name, figures)
    redis.call('ZADD', written, now, name)
end

local gone = redis.call('ZRANGEBYSCORE', written, '-inf', '(' .. ARGV[2], 'LIMIT', 0, 1000)
local many = redis.call('ZCARD', written) - #gone - most
if many > 0 then
    gone = redis.call('ZRANGE', written, 0, #gone + many - 1)
end
for _, name in ipairs(gone) do
    redis.call('HDEL', kept, name)
    redis.call('ZREM', written, name)
end
-- A conference that nobody enters any more is let go of as well.
redis.call('PEXPIRE', kept, now - before)
redis.call('PEXPIRE', written, now - before)
