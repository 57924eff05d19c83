local key = ARGV[2]
local _, to = read(key)
remove(to or key)
-- An alias whose record has ended by itself.
redis.call('DEL', at(key))
return 'done'
