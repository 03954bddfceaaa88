-- One more worker for a room. KEYS: registrations, ends of leases, loads.
-- ARGV: region, version of the control link, what a room counts as, then the workers that are not to be taken.
-- Answer: its registration, or nothing when all are full.
local registrations, ends, loads = unpack(KEYS)
local avoided = {}
for index = 4, #ARGV do
    avoided[ARGV[index]] = true
end
local best, text = choose(registrations, ends, loads, milliseconds(), ARGV[1], tonumber(ARGV[2]), avoided, false)
if best then
    redis.call('HINCRBY', loads, best, ARGV[3])
end
return text
