-- Alone, without the other scripts' functions: this one runs with every request. KEYS[1] ends in the session's key.
local key, now = KEYS[1]:sub(-32), tonumber(ARGV[2])
local function fields(at)
  return redis.call('HMGET', at, 'version', 'seen', 'expires', 'record', 'to', 'until')
end
local f = fields(KEYS[1])
if f[5] then
  if now >= tonumber(f[6]) then return false end
  key = f[5]
  f = fields(ARGV[1] .. 's:' .. key)
end
if not f[1] or now >= tonumber(f[3]) then return false end
-- One text and no list: clients read that in a fraction of the time.
return f[1] .. ' ' .. f[2] .. ' ' .. f[3] .. ' ' .. key .. f[4]
