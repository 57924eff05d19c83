local key, now, ttl = ARGV[2], ARGV[3], ARGV[4]
if taken(key, now) then return 'exists' end
local r = { version = '1', user = ARGV[5], alias = '', seen = ARGV[6], expires = ARGV[7], record = ARGV[8] }
put(key, r, now, ttl)
return 'done'
