-- ARGV[1] is what every key begins with. Behind it, six for each change: key, expected version, text, time to live, until when it
-- delays, whose account it is about. All are made, or none.
local prefix = ARGV[1]
local delaying = prefix .. 'td'

local function at(key) return prefix .. 't:' .. key end
local function of(account) return prefix .. 'ta:' .. account end

-- No version is given twice: a counter that has the new one already was changed by this very script, whose answer was lost.
for i = 2, #ARGV, 6 do
  local text = redis.call('GET', at(ARGV[i]))
  local version = text and text:match('^%d+') or ''
  local is_done = text and version == ARGV[i + 2]:match('^%d+')
  if version ~= ARGV[i + 1] and not is_done then return 0 end
end

-- An index lives as long as what it names, and names what has ended for a while: whoever reads it looks.
local function enlist(index, score, key, ttl)
  redis.call('ZADD', index, score, key)
  if redis.call('PTTL', index) < tonumber(ttl) then redis.call('PEXPIRE', index, ttl) end
end

for i = 2, #ARGV, 6 do
  local key, text, ttl, until_then, account = ARGV[i], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4], ARGV[i + 5]
  redis.call('ZREM', delaying, key)
  if text == '' then
    redis.call('DEL', at(key))
  else
    if account ~= '' then
      enlist(of(account), until_then, key, ttl)
      if until_then ~= '0' then enlist(delaying, until_then, key, ttl) end
    end
    redis.call('SET', at(key), text, 'PX', ttl)
  end
end
return 1
