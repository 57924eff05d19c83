-- Alone, without the other scripts' functions: this one runs with every request.
local key, now = ARGV[2], tonumber(ARGV[3])
local function fields(key)
  return redis.call('HMGET', ARGV[1] .. 's:' .. key, 'version', 'seen', 'expires', 'record', 'to', 'until')
end
local f = fields(key)
if f[5] then
  if now >= tonumber(f[6]) then return false end
  key = f[5]
  f = fields(key)
end
if not f[1] or now >= tonumber(f[3]) then return false end
return { key, tonumber(f[1]), tonumber(f[2]), tonumber(f[3]), f[4] }
