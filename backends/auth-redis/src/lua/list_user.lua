local list = {}
for _, key in ipairs(redis.call('ZRANGE', of(ARGV[2]), 0, -1)) do
  local f = redis.call('HMGET', at(key), 'version', 'seen', 'expires', 'record')
  if f[1] and tonumber(ARGV[3]) < tonumber(f[3]) then
    list[#list + 1] = f[1] .. ' ' .. f[2] .. ' ' .. f[3] .. ' ' .. key .. f[4]
  end
end
return list
