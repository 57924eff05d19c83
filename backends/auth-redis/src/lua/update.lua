local now, ttl, user, version = ARGV[3], ARGV[4], ARGV[5], ARGV[9]
local r = find(ARGV[2], now)
if not r then return 'gone' end
if r.version ~= version then return 'conflict' end
if r.user ~= user then unlist(r.user, r.key) end
r.version, r.user, r.seen, r.expires, r.record = after(version), user, ARGV[6], ARGV[7], ARGV[8]
put_again(r.key, r, now, ttl)
return 'done'
