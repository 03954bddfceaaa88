#!lua
-- Workers whose lease runs. KEYS: registrations, ends of leases. ARGV: how many at most.
-- Answer: their registrations.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local answer = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. string.format('%.0f', now), '+inf', 'LIMIT', 0, ARGV[1])) do
    local text = redis.call('HGET', KEYS[1], id)
    if text then
        table.insert(answer, text)
    end
end
return answer
