local now, version, user = ARGV[3], ARGV[9], ARGV[5]
local found = find(ARGV[2], now)
if not found then return 'gone' end
if found.version ~= version then return 'conflict' end
if found.user ~= user then unlist(found.user, found.key) end
redis.call('HINCRBY', at(found.key), 'version', 1)
put(found.key, { now = now, ttl = ARGV[4], user = user, seen = ARGV[6], expires = ARGV[7], record = ARGV[8] })
return 'done'
