-- ARGV[1] is what every key begins with. A session's key is the hash of its token, 32 bytes.
local prefix = ARGV[1]
local by_expiry = prefix .. 'expiry'

local function at(key) return prefix .. 's:' .. key end
local function of(user) return prefix .. 'u:' .. user end

-- The live record under this key or alias, without what is in it; nil if there is none.
local function find(key, now)
  local alias = redis.call('HMGET', at(key), 'to', 'until')
  if alias[1] then
    if tonumber(now) >= tonumber(alias[2]) then return nil end
    key = alias[1]
  end
  local f = redis.call('HMGET', at(key), 'version', 'seen', 'expires', 'user', 'alias')
  if not f[1] or tonumber(now) >= tonumber(f[3]) then return nil end
  return { key = key, version = f[1], seen = f[2], expires = f[3], user = f[4], alias = f[5] }
end

-- Drops members of an index whose records Redis itself has ended. Never one that is still there: which clock is
-- right is not decided here.
local function trim(index, now)
  for _, key in ipairs(redis.call('ZRANGEBYSCORE', index, '-inf', now, 'LIMIT', 0, 16)) do
    if redis.call('EXISTS', at(key)) == 0 then redis.call('ZREM', index, key) end
  end
end

-- Enters a record into both indices, which then live at least as long as it does.
local function enlist(user, key, expires, ttl, now)
  for _, index in ipairs({ of(user), by_expiry }) do
    trim(index, now)
    redis.call('ZADD', index, expires, key)
    if redis.call('PTTL', index) < tonumber(ttl) then redis.call('PEXPIRE', index, ttl) end
  end
end

local function unlist(user, key)
  redis.call('ZREM', of(user), key)
  redis.call('ZREM', by_expiry, key)
end

-- An alias that has ended may be another record's key by now.
local function drop_alias(alias, key)
  if alias and redis.call('HGET', at(alias), 'to') == key then redis.call('DEL', at(alias)) end
end

-- Deletes the record under this key, and says how many that were.
local function remove(key)
  local f = redis.call('HMGET', at(key), 'version', 'user', 'alias')
  if not f[1] then return 0 end
  drop_alias(f[3], key)
  redis.call('DEL', at(key))
  unlist(f[2], key)
  return 1
end

-- Whether a key is in use. One whose time is over makes room.
local function taken(key, now)
  local f = redis.call('HMGET', at(key), 'expires', 'until')
  local ends = f[1] or f[2]
  if not ends then return false end
  if tonumber(now) < tonumber(ends) then return true end
  if remove(key) == 0 then redis.call('DEL', at(key)) end
  return false
end

-- Writes all of a record but its version. The indices come first: what fails between leaves an entry without a
-- record, which is harmless, and not a record that `delete_user` misses. `now` and `ttl` are milliseconds.
local function put(key, r)
  enlist(r.user, key, r.expires, r.ttl, r.now)
  redis.call('HSET', at(key), 'user', r.user, 'seen', r.seen, 'expires', r.expires, 'record', r.record)
  redis.call('PEXPIRE', at(key), r.ttl)
end
