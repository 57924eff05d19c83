-- ARGV[1] is what every key begins with. A session's key has 32 bytes, of which the first 16 are its lineage.
local prefix = ARGV[1]
local by_expiry = prefix .. 'expiry'

local function at(key) return prefix .. 's:' .. key end
local function lineage(key) return key:sub(1, 16) end
local function line(key) return prefix .. 'l:' .. lineage(key) end

-- A session's user is `<realm>/<backend>:<id>`; `<backend>:<id>` where it is of no realm, as all were before there were
-- realms; and nothing where it has none. A realm's and a backend's name have neither `/` nor `:`.
local function site_of(user)
  local realm, rest = user:match('^([^:/]*)/(.*)$')
  return rest or user, realm
end

-- The index of a user's sessions, on all sites.
local function of(user) return prefix .. 'u:' .. site_of(user) end

-- Whether a session's user is this one, of this realm or of none. All realms are meant where none is named.
local function is_of(user, whom, realm)
  local own, site = site_of(user)
  return own == whom and (realm == '' or not site or site == realm)
end

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

-- The record in this text; where it is an alias, nil, and of which key until when.
local function parsed(text)
  local till, to = text:match('^>(%d+) (.*)$')
  if to then return nil, to, till end
  return decoded(text)
end

-- What is under this very key.
local function read(key)
  local text = redis.call('GET', at(key))
  if not text then return nil end
  return parsed(text)
end

-- The same without the record's bytes, which may be many: what stands before them takes 600 bytes at most.
local function glance(key)
  local text = redis.call('GETRANGE', at(key), 0, 599)
  if text == '' then return nil end
  return parsed(text)
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

-- The key that the record of this key's lineage has now. One that was never moved has none noted, and this key if any.
local function present(key)
  local turn = redis.call('GET', line(key))
  return turn and lineage(key) .. turn or key
end

-- Drops members of an index whose records Redis itself has ended. Never one that is still there: which clock is
-- right is not decided here.
local function trim(index, now)
  for _, key in ipairs(redis.call('ZRANGEBYSCORE', index, '-inf', now, 'LIMIT', 0, 16)) do
    if redis.call('EXISTS', at(key)) == 0 then redis.call('ZREM', index, key) end
  end
end

-- Enters a record into its indices, which then live at least as long as it does.
local function enlist(user, key, expires, ttl, now)
  for _, index in ipairs({ by_expiry, user ~= '' and of(user) or nil }) do
    trim(index, now)
    redis.call('ZADD', index, expires, key)
    if redis.call('PTTL', index) < tonumber(ttl) then redis.call('PEXPIRE', index, ttl) end
  end
end

local function unlist(user, key)
  if user ~= '' then redis.call('ZREM', of(user), key) end
  redis.call('ZREM', by_expiry, key)
end

-- An alias that has ended may be another record's key by now.
local function drop_alias(alias, key)
  if alias == '' then return end
  local _, to = glance(alias)
  if to == key then redis.call('DEL', at(alias)) end
end

-- Deletes the record under this key, which may have been read before, and says how many that were.
local function remove(key, r)
  r = r or glance(key)
  if not r then return 0 end
  drop_alias(r.alias, key)
  redis.call('DEL', at(key), line(key))
  unlist(r.user, key)
  return 1
end

-- Whether a key is in use. One whose time is over makes room.
local function taken(key, now)
  local r, _, till = glance(key)
  local ends = r and r.expires or till
  if not ends then return false end
  if tonumber(now) < tonumber(ends) then return true end
  if remove(key, r) == 0 then redis.call('DEL', at(key)) end
  return false
end

-- Writes a record. The indices come first: what fails between leaves an entry without a record, which is harmless,
-- and not a record that `delete_user` misses. `now` and `ttl` are milliseconds.
local function put(key, r, now, ttl)
  enlist(r.user, key, r.expires, ttl, now)
  redis.call('SET', at(key), encoded(key, r), 'PX', ttl)
end

-- Writes a record where it is. What is noted of its key, if it was moved, lives as long as it does.
local function put_again(key, r, now, ttl)
  put(key, r, now, ttl)
  redis.call('PEXPIRE', line(key), ttl)
end

local function after(version) return string.format('%d', version + 1) end
