-- Appends one event to a job's log: fence, number, store, publish, in one atomic step.
--
-- KEYS  1 log (stream)   2 snapshot (hash)   3 last number given out (string)   4 output (string)
--       5 epoch (string)
-- ARGV  1 live channel   2 attempt           3 kind, or of some states a mark that says more:
--                                             created | final | cancelling | closing
--       4 JSON, one line 5 sequence (0 none) 6 floor: a number known to be taken
--       7 a sequence that has to be there (0 none)
--       8 feed channel   9 job              both only of what is announced
-- MAXLEN, TTL (in ms): set above these lines (log.py)
--
-- The snapshot hash:
--   attempt   the newest attempt that wrote        closed  the newest attempt that has ended
--   n         number of the job's newest event     created number of its first, absent if lost
--   seq       newest sequence of this attempt      cancel  the attempt that was asked to stop
--   state, progress   newest JSON of each          final   '1' after a terminal state
--   epoch     that of the job's newest event (epoch.py)
--
-- This is version 1 of the log: an entry has the fields p and f, a live message three words before its
-- frame. A later version has more of either (v, its number), by which older readers know not to read it.
--
-- Returns {number, fenced, cancelled}. The live message is "<prev> <number> <kind or mark>\n<frame>".

local OUTPUT_KEPT = 1024 * 1024 -- bytes, up to twice of which are kept

local TRIM_EVERY = 64 -- events of an attempt

-- A text becomes a number by `+ 0`: tonumber parses it twice. Arguments, commands and numbers are
-- what this costs; docs/performance.md, append, has how much.
local call = redis.call
local attempt, mark, json, seq = ARGV[2] + 0, ARGV[3], ARGV[4], ARGV[5] + 0
local marked = mark == 'created' or mark == 'final' or mark == 'cancelling' or mark == 'closing'
local kind = marked and 'state' or mark
local known = call('HMGET', KEYS[2], 'attempt', 'closed', 'n', 'seq', 'cancel', 'epoch')
local newest, closed = (known[1] or -1) + 0, (known[2] or -1) + 0

if attempt < newest or (kind ~= 'state' and attempt <= closed) then
  return {0, 1, 0}
end
local cancelled = known[5] == ARGV[2] and 1 or 0

-- The first entry comes too late when there are others: what it says is no longer true.
if mark == 'created' and newest >= 0 then
  return {tonumber(known[3]), 0, cancelled}
end

-- A write that was repeated because its answer got lost.
local written = attempt == newest and (known[4] or 0) + 0 or 0
if seq > 0 and seq <= written then
  return {tonumber(known[3]), 0, cancelled}
end

-- Redis may have had no room for the one before, and some again for this one.
if newest >= 0 and ARGV[7] + 0 > written then
  return redis.error_reply('ORDER an event before this one is missing')
end

-- Microseconds since 1970 fit a double exactly until the year 2255.
local time = call('TIME')
local top = call('MGET', KEYS[3], KEYS[5])
local last = math.max((top[1] or 0) + 0, (known[3] or 0) + 0, ARGV[6] + 0)
local number = math.max(last + 1, time[1] * 1000000 + time[2])
local id = string.format('%.0f', number)

-- Redis was emptied under connections on which the epoch was noted before (epoch.lua).
if not top[2] then
  local about = redis.pcall('INFO', 'replication')
  local server = type(about) == 'string' and string.match(about, 'master_replid:(%w+)')
  top[2] = server and server .. ' ' .. string.format('%.0f', number - 1) or false
  if server then call('SET', KEYS[5], top[2]) end
end

-- Where the previous number is not known, one that no reader can have seen makes every reader look.
-- So it is with the first event in another epoch: the last ones of the old epoch may be lost.
local prev = known[6] == top[2] and known[3] or string.format('%.0f', number - 1)
if mark == 'created' then prev = '0' end

local frame = 'id: ' .. id .. '\nevent: ' .. kind .. '\ndata: ' .. json .. '\n\n'
if seq % TRIM_EVERY == 0 then
  call('XADD', KEYS[1], 'MAXLEN', '~', MAXLEN, id .. '-0', 'p', prev, 'f', frame)
else
  call('XADD', KEYS[1], id .. '-0', 'p', prev, 'f', frame)
end
call('SET', KEYS[3], id)

if attempt > newest then
  call('HDEL', KEYS[2], 'progress', 'seq', 'cancel')
  call('DEL', KEYS[4])
end
-- The stream keeps so many events and no more; a page shows all that was put out.
if kind == 'output' and call('APPEND', KEYS[4], cjson.decode(json).text) > 2 * OUTPUT_KEPT then
  call('SET', KEYS[4], call('GETRANGE', KEYS[4], -OUTPUT_KEPT, -1))
end
local fields = {'n', id}
local function set(name, value)
  fields[#fields + 1], fields[#fields + 2] = name, value
end
if attempt > newest then set('attempt', ARGV[2]) end
if top[2] and top[2] ~= known[6] then set('epoch', top[2]) end
if seq > 0 then set('seq', ARGV[5]) end
if mark == 'created' then set('created', id) end
if kind == 'progress' or kind == 'state' then set(kind, json) end
if kind == 'state' then set('final', mark == 'final' and '1' or '') end
if mark == 'final' or mark == 'closing' then set('closed', ARGV[2]) end
if mark == 'cancelling' then
  set('cancel', ARGV[2])
  cancelled = 1
end
call('HSET', KEYS[2], unpack(fields))

if kind == 'state' then
  for _, key in ipairs({KEYS[1], KEYS[2], KEYS[4]}) do
    if mark == 'final' then call('PEXPIRE', key, TTL) else call('PERSIST', key) end
  end
end

call('PUBLISH', ARGV[1], prev .. ' ' .. id .. ' ' .. mark .. '\n' .. frame)
if ARGV[8] then call('PUBLISH', ARGV[8], ARGV[9] .. ' ' .. id) end
return {number, 0, cancelled}
