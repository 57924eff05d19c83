local key = ARGV[2]
remove(present(key))
-- One that was moved by a build that notes nothing has an alias.
local r, to = glance(key)
if r or to then remove(to or key) end
-- An alias whose record has ended by itself.
redis.call('DEL', at(key), line(key))
return 'done'
