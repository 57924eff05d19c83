local whom, realm, max, keep, now = ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5], ARGV[6]
local index = of(whom)
trim(index, now)
-- On all sites together not too many: on this one neither.
if redis.call('ZCARD', index) <= max then return 0 end
local others = {}
for n, key in ipairs(redis.call('ZRANGE', index, 0, -1)) do
  local r = lineage(key) ~= keep and glance(key)
  if r and tonumber(now) < tonumber(r.expires) and is_of(r.user, whom, realm) then
    r.n, r.key, r.since = n, key, tonumber(r.seen)
    others[#others + 1] = r
  end
end
-- Keys are not compared here: how Lua does that depends on the server's locale.
table.sort(others, function(a, b)
  if a.since ~= b.since then return a.since < b.since end
  return a.n < b.n
end)
local ended = 0
for n = 1, #others - (max - 1) do ended = ended + remove(others[n].key, others[n]) end
return ended
