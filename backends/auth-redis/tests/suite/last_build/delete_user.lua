local user, except, ended = ARGV[2], ARGV[3], 0
for _, key in ipairs(redis.call('ZRANGE', of(user), 0, -1)) do
  if key ~= except then
    if remove(key) == 1 then ended = ended + 1 else unlist(user, key) end
  end
end
return ended
