local seen, ttl, expires = ARGV[3], ARGV[4], ARGV[5]
local r = find(ARGV[2], seen)
if not r then return 'gone' end
local is_later = tonumber(seen) > tonumber(r.seen)
if is_later then r.seen = seen end
if tonumber(expires) > tonumber(r.expires) then
  r.expires = expires
  put(r.key, r, seen, ttl)
elseif is_later then
  redis.call('SET', at(r.key), encoded(r.key, r), 'KEEPTTL')
end
return 'done'
