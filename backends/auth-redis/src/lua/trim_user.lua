local user, max, keep, now = ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5]
local index = of(user)
trim(index, now)
if redis.call('ZCARD', index) <= max then return 0 end
local others = {}
for n, key in ipairs(redis.call('ZRANGE', index, 0, -1)) do
  local r = key ~= keep and read(key)
  if r and tonumber(now) < tonumber(r.expires) then
    others[#others + 1] = { seen = tonumber(r.seen), n = n, key = key }
  end
end
-- Keys are not compared here: how Lua does that depends on the server's locale.
table.sort(others, function(a, b)
  if a.seen ~= b.seen then return a.seen < b.seen end
  return a.n < b.n
end)
local ended = 0
for n = 1, #others - (max - 1) do ended = ended + remove(others[n].key) end
return ended
