-- Notes which server's history the data belong to, unless that is known.
--
-- KEYS  1 epoch (string)   2 last number given out (string)
-- ARGV  1 replication id of the server, '' where it has none
--
-- Returns the note, "<replication id> <highest number that was given out before>".

local known = redis.call('GET', KEYS[1])
if ARGV[1] == '' or known and string.sub(known, 1, #ARGV[1] + 1) == ARGV[1] .. ' ' then
  return known
end
local time = redis.call('TIME')
local since = math.max(time[1] * 1000000 + time[2], tonumber(redis.call('GET', KEYS[2]) or 0))
known = ARGV[1] .. ' ' .. string.format('%.0f', since)
redis.call('SET', KEYS[1], known)
return known
