local key, now = ARGV[2], ARGV[3]
if taken(key, now) then return 'exists' end
put(key, { now = now, ttl = ARGV[4], user = ARGV[5], seen = ARGV[6], expires = ARGV[7], record = ARGV[8] })
redis.call('HSET', at(key), 'version', 1)
return 'done'
