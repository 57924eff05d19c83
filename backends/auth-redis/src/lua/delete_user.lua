local whom, realm, except, ended = ARGV[2], ARGV[3], ARGV[4], 0
for _, key in ipairs(redis.call('ZRANGE', of(whom), 0, -1)) do
  local r = glance(key)
  if not r then
    unlist(whom, key)
  elseif lineage(key) ~= except and is_of(r.user, whom, realm) then
    ended = ended + remove(key, r)
  end
end
return ended
