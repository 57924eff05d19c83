local seen, ttl, expires = ARGV[3], ARGV[4], ARGV[5]
local found = find(ARGV[2], seen)
if not found then return 'gone' end
if tonumber(seen) > tonumber(found.seen) then redis.call('HSET', at(found.key), 'seen', seen) end
if tonumber(expires) > tonumber(found.expires) then
  redis.call('HSET', at(found.key), 'expires', expires)
  redis.call('PEXPIRE', at(found.key), ttl)
  enlist(found.user, found.key, expires, ttl, seen)
end
return 'done'
