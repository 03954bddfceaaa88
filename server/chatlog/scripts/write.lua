#!lua
-- Keep a message under the next number of its channel, unless its command was obeyed already; told to everybody who
-- follows the room.
-- KEYS: head, numbers, messages, commands
-- ARGV: channel of the chat, command, message, above which number, messages kept, commands kept, channel of the room
-- Answer: 'written', number | 'known' | 'gone'
local head, numbers, messages, commands = unpack(KEYS)
local channel, command, message, above, kept, kept_commands, room = unpack(ARGV)
local found = redis.call('HMGET', head, 'epoch', 'gone', 'former')

if not found[1] or found[2] then
    return { 'gone' }
end
if redis.call('ZSCORE', commands, command) then
    return { 'known' }
end
local last = tonumber(redis.call('HGET', numbers, channel) or '0')
-- What was lost with a room that was begun anew had numbers that nobody here may know. They were below its epoch, which
-- is a time in ms.
local lost = (found[3] or '') ~= '' and tonumber(found[1]) or 0
local number = string.format('%.0f', math.max(last, lost, tonumber(above)) + 1)
redis.call('XADD', messages, 'MAXLEN', kept, number .. '-0', 'm', message)
redis.call('HSET', numbers, channel, number)
redis.call('ZADD', commands, redis.call('HINCRBY', numbers, 'commands', 1), command)
redis.call('ZREMRANGEBYRANK', commands, 0, -1 - kept_commands)
redis.call('PUBLISH', room, 'chat ' .. number .. ' ' .. message)
return { 'written', number }
