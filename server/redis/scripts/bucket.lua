#!lua
-- KEYS: buckets, each the moment (ms) at which it would be full again. ARGV: 1 to take a token of each, 0 to look; then
-- for each bucket the time that a token takes to come (ms), and how many it holds.
-- Answer: the ms until each has a token; 0 when all have, and only then something is taken.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local full, wait = {}, 0

for i, bucket in ipairs(KEYS) do
    local interval, burst = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
    full[i] = math.max(tonumber(redis.call('GET', bucket) or 0), now)
    wait = math.max(wait, full[i] - now - (burst - 1) * interval)
end
if wait > 0 then
    return math.ceil(wait)
end
if ARGV[1] == '1' then
    for i, bucket in ipairs(KEYS) do
        local filled = full[i] + tonumber(ARGV[2 * i])
        redis.call('SET', bucket, string.format('%.0f', filled), 'PX', string.format('%.0f', filled - now))
    end
end
return 0
