local old, now, ttl, user, version, new, alias_until, alias_ttl =
  ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[9], ARGV[10], ARGV[11], ARGV[12]
local r = find(old, now)
if not r or r.key ~= old then return 'gone' end
if r.version ~= version then return 'conflict' end
if taken(new, now) then return 'exists' end
local is_kept = alias_ttl ~= '0'
drop_alias(r.alias, old)
unlist(r.user, old)
r.version, r.user, r.seen, r.expires, r.record = after(version), user, ARGV[6], ARGV[7], ARGV[8]
r.alias = is_kept and old or ''
put(new, r, now, ttl)
if is_kept then
  redis.call('SET', at(old), '>' .. alias_until .. ' ' .. new, 'PX', alias_ttl)
else
  redis.call('DEL', at(old))
end
return 'done'
