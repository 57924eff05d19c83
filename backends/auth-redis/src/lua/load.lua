-- For a key that is an alias: the record that it leads to. A key that is none by now has no record either.
local now = ARGV[3]
local r = find(ARGV[2], now)
if not r then return false end
return encoded(r.key, r)
