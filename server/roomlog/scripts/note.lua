#!lua
-- A line of the audit record beside the commits. KEYS: audit, lines. ARGV: lines kept, time and node, line. Answer: its number
local number = redis.call('INCR', KEYS[2])
redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], number .. '-0', 't', ARGV[2], 'l', ARGV[3])
return number
