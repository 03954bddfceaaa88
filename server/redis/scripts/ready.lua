#!lua
-- Whether this server takes writes: without the flag no-writes a script does not even begin on a server that is full, a
-- replica, or unable to write to its disk.
return redis.call('EXISTS', KEYS[1])
