-- ARGV[1] is what every key begins with. A session's key is the hash of its token, 32 bytes.
local prefix = ARGV[1]
local by_expiry = prefix .. 'expiry'

local function at(key) return prefix .. 's:' .. key end
local function of(user) return prefix .. 'u:' .. user end

-- A session is one text: version, last seen, expires, the lengths of user and alias, a blank behind each; then user,
-- alias, key and record. An alias is `>`, until when, a blank, and the key of its session.
local function decoded(text)
  local version, seen, expires, user, alias, rest = text:match('^(%d+) (%d+) (%d+) (%d+) (%d+) (.*)$')
  user, alias = tonumber(user), tonumber(alias)
  return {
    version = version, seen = seen, expires = expires,
    user = rest:sub(1, user), alias = rest:sub(user + 1, user + alias), record = rest:sub(user + alias + 33),
  }
end

local function encoded(key, r)
  local numbers = table.concat({ r.version, r.seen, r.expires, #r.user, #r.alias, '' }, ' ')
  return numbers .. r.user .. r.alias .. key .. r.record
end

-- The record under this very key; where it is an alias, nil, and of which key until when.
local function read(key)
  local text = redis.call('GET', at(key))
  if not text then return nil end
  local till, to = text:match('^>(%d+) (.*)$')
  if to then return nil, to, till end
  return decoded(text)
end

-- The live record under this key or alias, with its key; nil if there is none.
local function find(key, now)
  local r, to, till = read(key)
  if to then
    if tonumber(now) >= tonumber(till) then return nil end
    key, r = to, read(to)
  end
  if not r or tonumber(now) >= tonumber(r.expires) then return nil end
  r.key = key
  return r
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
  if alias == '' then return end
  local _, to = read(alias)
  if to == key then redis.call('DEL', at(alias)) end
end

-- Deletes the record under this key, and says how many that were.
local function remove(key)
  local r = read(key)
  if not r then return 0 end
  drop_alias(r.alias, key)
  redis.call('DEL', at(key))
  unlist(r.user, key)
  return 1
end

-- Whether a key is in use. One whose time is over makes room.
local function taken(key, now)
  local r, _, till = read(key)
  local ends = r and r.expires or till
  if not ends then return false end
  if tonumber(now) < tonumber(ends) then return true end
  if remove(key) == 0 then redis.call('DEL', at(key)) end
  return false
end

-- Writes a record. The indices come first: what fails between leaves an entry without a record, which is harmless,
-- and not a record that `delete_user` misses. `now` and `ttl` are milliseconds.
local function put(key, r, now, ttl)
  enlist(r.user, key, r.expires, ttl, now)
  redis.call('SET', at(key), encoded(key, r), 'PX', ttl)
end

local function after(version) return string.format('%d', version + 1) end
