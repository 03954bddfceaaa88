#!lua
-- Give a message that is kept another text.
-- KEYS: head, messages, edits
-- ARGV: number, message, edits kept without a look at what they are of
-- Answer: 'edited' | 'missing' | 'gone'
local head, messages, edits = unpack(KEYS)
local number, message, kept = unpack(ARGV)
local found = redis.call('HMGET', head, 'epoch', 'gone')

local function is_kept(which)
    return #redis.call('XRANGE', messages, which .. '-0', which .. '-0') > 0
end

if not found[1] or found[2] then
    return 'gone'
end
if not is_kept(number) then
    return 'missing'
end
redis.call('HSET', edits, number, message)
if redis.call('HLEN', edits) > tonumber(kept) then
    for _, which in ipairs(redis.call('HKEYS', edits)) do
        if not is_kept(which) then
            redis.call('HDEL', edits, which)
        end
    end
end
return 'edited'
