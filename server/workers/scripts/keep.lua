#!lua
-- Rooms are still where they are: placements are kept for another while, and given back when Redis has lost them.
-- KEYS: registrations (in a cluster it says where), the placements. ARGV: time to live (ms), then for each placement its
-- token, first worker and layout; an empty layout when only the token is asked for.
-- Answer: for each placement its token, '0' when there is none.
local answer = {}
for index = 2, #KEYS do
    local token, worker, layout = ARGV[3 * index - 4], ARGV[3 * index - 3], ARGV[3 * index - 2]
    local found = redis.call('HGET', KEYS[index], 'token') or '0'
    if layout ~= '' and tonumber(found) < tonumber(token) then
        redis.call('HSET', KEYS[index], 'worker', worker, 'token', token, 'layout', layout, 'moved', '0')
        found = token
    end
    redis.call('PEXPIRE', KEYS[index], ARGV[1])
    table.insert(answer, found)
end
return answer
