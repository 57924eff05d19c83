//! Sessions that the last build wrote, which knew no lineages, realms or visitors: read, kept and ended. It may run beside
//! this one for a while.

use crate::support::{ask, connection, everywhere, here, key, lasting, later, local, record, store, user};
use auth_core::session::{Owner, Realm, SessionKey, SessionRecord, SessionStore, UserSessions, Written};
use auth_core::time::Timestamp;
use auth_redis::RedisSessions;
use redis::{Cmd, Value};
use test_servers::Redis;

/// What it wrote when user 7 signed in, and put something into the cart.
const BYTES: &[u8] = include_bytes!("../../../../auth-core/src/session/record/v2.bin");
const THEN: Timestamp = Timestamp::from_secs(4_000_000_000);
const END: Timestamp = Timestamp::from_secs(4_000_003_600);
/// When a session ends that was used once more.
const LATER: Timestamp = Timestamp::from_secs(4_000_007_200);

/// The key of its token `vvgO5z9FRqZKo3V2Iolvqze_NTZ0VujPlpiQLAu5mqg`.
fn first() -> SessionKey {
    SessionKey::from_hex("d57349debaf9e5c5558a6cc28c442fd55d69759fd490f933595b8f11c47351db").unwrap()
}

/// A key of the same lineage.
fn next(turn: u8) -> SessionKey {
    let mut bytes = *first().as_bytes();
    bytes[16..].fill(turn);
    SessionKey::from_bytes(bytes)
}

/// A record as it was then.
fn written() -> SessionRecord {
    SessionRecord::decode(BYTES).unwrap()
}

/// The last build, over the same server.
struct LastBuild(redis::aio::MultiplexedConnection);

const PRELUDE: &str = include_str!("last_build/prelude.lua");

impl LastBuild {
    async fn on(server: &Redis) -> Self {
        Self(connection(server).await)
    }

    /// Runs one of its scripts at a session, with what it is told besides.
    async fn run(&mut self, script: &str, at: SessionKey, tell: impl FnOnce(&mut Cmd)) -> Value {
        let text = format!("#!lua flags=allow-oom\n{PRELUDE}{script}");
        let name = [b"{auth}:s:", &at.as_bytes()[..]].concat();
        let mut command = redis::cmd("EVAL");
        command.arg(text).arg(1).arg(name).arg("{auth}:").arg(&at.as_bytes()[..]);
        tell(&mut command);
        command.query_async(&mut self.0).await.unwrap()
    }

    /// Signs user 7 in.
    async fn create(&mut self, at: SessionKey) {
        let script = include_str!("last_build/create.lua");
        assert_eq!(self.run(script, at, tell_row).await, done());
    }

    /// Moves a session that it wrote; the old key stays an alias for 10 s.
    async fn rotate(&mut self, from: SessionKey, to: SessionKey, version: u64) -> Value {
        let tell = |command: &mut Cmd| {
            tell_row(command);
            let until = THEN.as_millis() + 10_000;
            command.arg(version).arg(&to.as_bytes()[..]).arg(until).arg(10_000);
        };
        self.run(include_str!("last_build/rotate.lua"), from, tell).await
    }

    async fn touch(&mut self, at: SessionKey) -> Value {
        let (now, end) = (THEN.as_millis(), LATER.as_millis());
        let tell = |command: &mut Cmd| _ = command.arg(now).arg(end - now).arg(end);
        self.run(include_str!("last_build/touch.lua"), at, tell).await
    }

    async fn delete(&mut self, at: SessionKey) -> Value {
        self.run(include_str!("last_build/delete.lua"), at, |_| {}).await
    }

    async fn delete_user(&mut self, user: &str) -> Value {
        let text = format!("#!lua flags=allow-oom\n{PRELUDE}{}", include_str!("last_build/delete_user.lua"));
        let mut command = redis::cmd("EVAL");
        command.arg(text).arg(1).arg(format!("{{auth}}:u:{user}")).arg("{auth}:").arg(user).arg("");
        command.query_async(&mut self.0).await.unwrap()
    }
}

/// What it told a script of a record.
fn tell_row(command: &mut Cmd) {
    let (now, end) = (THEN.as_millis(), END.as_millis());
    command.arg(now).arg(end - now).arg("local:7").arg(now).arg(end).arg(BYTES);
}

fn done() -> Value {
    Value::BulkString(b"done".to_vec())
}

async fn signed_in() -> (Redis, RedisSessions, LastBuild) {
    let server = Redis::new().start();
    let mut last = LastBuild::on(&server).await;
    last.create(first()).await;
    let store = store(&server);
    (server, store, last)
}

#[tokio::test]
async fn a_session_is_found() {
    let (_server, store, _) = signed_in().await;
    let found = store.load(&first(), THEN).await.unwrap().unwrap();
    assert_eq!((found.key, found.version, &*found.record), (first(), 1, &written()));
    let owner = found.record.owner().user().unwrap();
    assert_eq!((owner.backend.as_str(), owner.id.as_str()), ("local", "7"));
    assert!(format!("{:?}", found.record.data).contains("cart"));
    assert_eq!(store.load(&first(), END).await.unwrap(), None);
    let (seven, expected) = (user("7"), [(first(), written())]);
    for site in ["shop", "forum"] {
        let realm = Realm::new(site).unwrap();
        let whose = UserSessions::on(&realm, local(), &seven);
        assert_eq!(store.list_user(whose, THEN).await.unwrap(), expected, "{site}");
    }
    assert_eq!(store.list_user(everywhere(&seven), THEN).await.unwrap(), expected);
    assert_eq!(store.list_user(here(&user("8")), THEN).await.unwrap(), []);
}

/// It is used, changed and moved like any other, and becomes a site's.
#[tokio::test]
async fn a_session_goes_on() {
    let (_server, store, _) = signed_in().await;
    assert_eq!(store.touch(&first(), THEN, LATER).await.unwrap(), Written::Done);
    let mut record = SessionRecord::clone(&store.load(&first(), END).await.unwrap().unwrap().record);
    assert_eq!(record.expires, LATER);
    record.realm = Realm::new("shop");
    assert_eq!(store.update(&first(), 1, &record, THEN).await.unwrap(), Written::Done);
    let grace = Some(Timestamp::from_secs(4_000_000_010));
    assert_eq!(store.rotate(&first(), &next(1), 2, &record, grace, THEN).await.unwrap(), Written::Done);
    let found = store.load(&first(), THEN).await.unwrap().unwrap();
    assert_eq!((found.key, found.version, &*found.record), (next(1), 3, &record));
    let (seven, forum) = (user("7"), Realm::new("forum").unwrap());
    assert_eq!(store.list_user(here(&seven), THEN).await.unwrap(), [(next(1), record)]);
    assert_eq!(store.list_user(UserSessions::on(&forum, local(), &seven), THEN).await.unwrap(), []);
}

/// By the key that it had before it was moved, also when that is no alias any more, or never was.
#[tokio::test]
async fn the_old_key_ends_a_session() {
    for moves in 0..3 {
        let (server, store, _) = signed_in().await;
        for n in 0..moves {
            let from = if n == 0 { first() } else { next(n) };
            let moved = store.rotate(&from, &next(n + 1), u64::from(n) + 1, &written(), None, THEN).await;
            assert_eq!(moved.unwrap(), Written::Done);
        }
        store.delete(&first()).await.unwrap();
        for key in [first(), next(1), next(2)] {
            assert_eq!(store.load(&key, THEN).await.unwrap(), None, "after {moves} moves");
        }
        assert_eq!(ask::<u64>(&server, &["DBSIZE"]).await, 0);
    }
}

#[tokio::test]
async fn a_logout_everywhere_ends_a_session() {
    let (server, store, _) = signed_in().await;
    let seven = user("7");
    assert_eq!(store.delete_user(here(&seven), Some(&next(9))).await.unwrap(), 0, "it is excepted");
    store.create(&key(1), &lasting(record("7"), THEN, END)).await.unwrap();
    assert_eq!(store.trim_user(here(&seven), 1, &key(1), THEN).await.unwrap(), 1);
    assert_eq!(store.load(&first(), THEN).await.unwrap(), None);
    store.delete(&key(1)).await.unwrap();
    for on_one_site in [true, false] {
        LastBuild::on(&server).await.create(first()).await;
        let whose = if on_one_site { here(&seven) } else { everywhere(&seven) };
        assert_eq!(store.delete_user(whose, None).await.unwrap(), 1);
        assert_eq!(store.load(&first(), THEN).await.unwrap(), None);
        assert_eq!(ask::<u64>(&server, &["DBSIZE"]).await, 0);
    }
}

/// It moved sessions to keys of other lineages, which only the alias leads to.
#[tokio::test]
async fn a_session_that_it_moved_goes_on_and_ends() {
    for moved_again in [false, true] {
        let (server, store, mut last) = signed_in().await;
        assert_eq!(last.rotate(first(), key(1), 1).await, done());
        let found = store.load(&first(), THEN).await.unwrap().unwrap();
        assert_eq!((found.key, found.version), (key(1), 2));
        if moved_again {
            let moved = store.rotate(&key(1), &later(1, 1), 2, &written(), None, THEN).await.unwrap();
            assert_eq!(moved, Written::Done);
            assert_eq!(store.load(&first(), THEN).await.unwrap(), None);
        }
        store.delete(&if moved_again { key(1) } else { first() }).await.unwrap();
        for key in [first(), key(1), later(1, 1)] {
            assert_eq!(store.load(&key, THEN).await.unwrap(), None);
        }
        assert_eq!(ask::<u64>(&server, &["DBSIZE"]).await, 0);
    }
}

/// It cannot read what is written now, and meets it all the same. Whatever it ends is ended, and what it leaves behind
/// does no harm.
#[tokio::test]
async fn it_may_run_beside_this_one() {
    let (_server, store, mut last) = signed_in().await;
    let mut visitor = record("7");
    visitor.set_owner(Owner::Visitor);
    for (n, record) in [(1, record("7")), (2, record("7")), (3, visitor)] {
        let record = lasting(record, THEN, END);
        store.create(&key(n), &record).await.unwrap();
        let moved = store.rotate(&key(n), &later(n, 1), 1, &record, None, THEN).await.unwrap();
        assert_eq!(moved, Written::Done);
    }
    for n in [1, 3] {
        assert_eq!(last.touch(later(n, 1)).await, done());
        assert!(store.load(&later(n, 1), END).await.unwrap().is_some(), "a touch is one");
        assert_eq!(last.delete(later(n, 1)).await, done());
        assert_eq!(store.load(&later(n, 1), THEN).await.unwrap(), None);
        store.delete(&key(n)).await.unwrap();
    }
    // Also those of a site: it knows none.
    assert_eq!(last.delete_user("local:7").await, Value::Int(2));
    assert_eq!(store.list_user(everywhere(&user("7")), THEN).await.unwrap(), []);
    assert_eq!(store.load(&later(2, 1), THEN).await.unwrap(), None);
    assert_eq!(store.delete_user(everywhere(&user("7")), None).await.unwrap(), 0);
}
