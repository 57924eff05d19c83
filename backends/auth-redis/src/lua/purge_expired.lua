local due = redis.call('ZRANGEBYSCORE', by_expiry, '-inf', ARGV[2], 'LIMIT', 0, ARGV[3])
local ended = 0
for _, key in ipairs(due) do
  if remove(key) == 1 then ended = ended + 1 else redis.call('ZREM', by_expiry, key) end
end
return { ended, #due }
