local old, now, user, version, new, alias_until, alias_ttl =
  ARGV[2], ARGV[3], ARGV[5], ARGV[9], ARGV[10], ARGV[11], ARGV[12]
local found = find(old, now)
if not found or found.key ~= old then return 'gone' end
if found.version ~= version then return 'conflict' end
if taken(new, now) then return 'exists' end
drop_alias(found.alias, old)
unlist(found.user, old)
redis.call('RENAME', at(old), at(new))
redis.call('HINCRBY', at(new), 'version', 1)
put(new, { now = now, ttl = ARGV[4], user = user, seen = ARGV[6], expires = ARGV[7], record = ARGV[8] })
if alias_ttl == '0' then
  redis.call('HDEL', at(new), 'alias')
else
  redis.call('HSET', at(new), 'alias', old)
  redis.call('HSET', at(old), 'to', new, 'until', alias_until)
  redis.call('PEXPIRE', at(old), alias_ttl)
end
return 'done'
