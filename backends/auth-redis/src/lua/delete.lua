local key = ARGV[2]
remove(redis.call('HGET', at(key), 'to') or key)
-- An alias whose record has ended by itself.
redis.call('DEL', at(key))
return 'done'
