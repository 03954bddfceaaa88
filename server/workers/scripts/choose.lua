#!lua
-- The least loaded worker for its capacity that takes rooms, and its registration; nothing when there is none. `full`:
-- also one that is full, which is better than none; one far away is better than one that is full.
local function choose(registrations, ends, loads, now, region, version, avoided, full)
    local best, best_class, best_share, best_text
    for _, id in ipairs(redis.call('ZRANGEBYSCORE', ends, '(' .. string.format('%.0f', now), '+inf')) do
        local text = not avoided[id] and redis.call('HGET', registrations, id)
        local about = text and cjson.decode(text)
        if about and about.version == version and not about.draining then
            local share = tonumber(redis.call('HGET', loads, id) or 0) / about.capacity
            local class = share >= 1 and 2 or (about.region ~= region and 1 or 0)
            if (class < 2 or full) and
                (not best or class < best_class or (class == best_class and share < best_share)) then
                best, best_class, best_share, best_text = id, class, share, text
            end
        end
    end
    return best, best_text
end

local function milliseconds()
    local clock = redis.call('TIME')
    return clock[1] * 1000 + math.floor(clock[2] / 1000)
end
