local whom, realm, now, list = ARGV[2], ARGV[3], ARGV[4], {}
for _, key in ipairs(redis.call('ZRANGE', of(whom), 0, -1)) do
  local r = read(key)
  if r and tonumber(now) < tonumber(r.expires) and is_of(r.user, whom, realm) then
    list[#list + 1] = encoded(key, r)
  end
end
return list
