local list = {}
for _, key in ipairs(redis.call('ZRANGE', of(ARGV[2]), 0, -1)) do
  local r = read(key)
  if r and tonumber(ARGV[3]) < tonumber(r.expires) then list[#list + 1] = encoded(key, r) end
end
return list
