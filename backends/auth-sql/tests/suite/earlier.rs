//! Tables that an earlier version made, and its rows: they are used on, and that version may go on beside.

use auth_core::session::{
    Realm, SessionKey, SessionRecord, SessionStore, StoreError, Stored, UserSessions, Written,
};
use auth_core::time::Timestamp;
use auth_core::{BackendName, UserId};
use auth_sql::SqlSessions;
use sqlx::{Acquire, raw_sql};

use crate::support::{Db, LIMIT, Place, Pool, on_every_database};

on_every_database![
    instances_migrate_at_once,
    the_earlier_version_goes_on,
    whoever_was_signed_in_stays,
    what_the_earlier_version_moved_ends_by_its_alias,
    migrating_again_waits_for_nobody,
    one_that_is_not_migrated_says_so,
];

const NOW: Timestamp = Timestamp::from_secs(4_000_000_010);

/// A sign-in of user 7 that the earlier version stored: the key of its token, and the bytes, with a cart in them.
const KEY: [u8; 32] =
    *b"\xd5\x73\x49\xde\xba\xf9\xe5\xc5\x55\x8a\x6c\xc2\x8c\x44\x2f\xd5\x5d\x69\x75\x9f\xd4\x90\xf9\x33\x59\x5b\x8f\x11\xc4\x73\x51\xdb";
const RECORD: &[u8] = include_bytes!("../../../../auth-core/src/session/record/v2.bin");

fn earlier_key() -> SessionKey {
    SessionKey::from_bytes(KEY)
}

/// The key that it has after a move.
fn later_key() -> SessionKey {
    let mut bytes = KEY;
    bytes[16..].fill(3);
    SessionKey::from_bytes(bytes)
}

/// The tables as that version made them.
async fn earlier_table(place: &Place) -> Db {
    let db = place.db().await;
    let sqlite = [
        "CREATE TABLE IF NOT EXISTS `auth_sessions` (session_key BLOB NOT NULL PRIMARY KEY, alias_key BLOB UNIQUE, \
         alias_until INTEGER, backend TEXT NOT NULL, user_id TEXT NOT NULL, version INTEGER NOT NULL, \
         last_seen INTEGER NOT NULL, expires INTEGER NOT NULL, record BLOB NOT NULL) STRICT",
        "CREATE INDEX IF NOT EXISTS `auth_sessions_user` ON `auth_sessions` (backend, user_id)",
        "CREATE INDEX IF NOT EXISTS `auth_sessions_expires` ON `auth_sessions` (expires)",
    ];
    let postgres = [
        "CREATE TABLE IF NOT EXISTS \"auth_sessions\" (session_key BYTEA NOT NULL PRIMARY KEY, alias_key BYTEA UNIQUE, \
         alias_until BIGINT, backend TEXT COLLATE \"C\" NOT NULL, user_id TEXT COLLATE \"C\" NOT NULL, \
         version BIGINT NOT NULL, last_seen BIGINT NOT NULL, expires BIGINT NOT NULL, record BYTEA NOT NULL)",
        "CREATE INDEX IF NOT EXISTS \"auth_sessions_user\" ON \"auth_sessions\" (backend, user_id)",
        "CREATE INDEX IF NOT EXISTS \"auth_sessions_expires\" ON \"auth_sessions\" (expires)",
    ];
    let mysql = [
        "CREATE TABLE IF NOT EXISTS `auth_sessions` (session_key BINARY(32) NOT NULL PRIMARY KEY, \
         alias_key BINARY(32) UNIQUE, alias_until BIGINT, backend VARBINARY(1024) NOT NULL, \
         user_id VARBINARY(1024) NOT NULL, version BIGINT NOT NULL, last_seen BIGINT NOT NULL, \
         expires BIGINT NOT NULL, record MEDIUMBLOB NOT NULL, INDEX `auth_sessions_user` (backend, user_id), \
         INDEX `auth_sessions_expires` (expires)) ENGINE = InnoDB",
        "SELECT 1",
        "SELECT 1",
    ];
    for statement in db.pick(sqlite, postgres, mysql) {
        db.execute(statement).await.unwrap();
    }
    db
}

/// A row of user 7, inserted as that version does.
async fn insert(db: &Db, key: &SessionKey) {
    let (key, record) = (db.bytes(key.as_bytes()), db.bytes(RECORD));
    let insert = format!(
        "INSERT INTO auth_sessions (session_key, backend, user_id, version, last_seen, expires, record) \
         SELECT {key}, 'local', '7', 1, 4000000000000, 4000003600000, {record} \
         WHERE NOT EXISTS (SELECT 1 FROM (SELECT 1 FROM auth_sessions WHERE alias_key = {key} LIMIT 1) AS other)"
    );
    assert_eq!(db.execute(&insert).await.unwrap(), 1);
}

/// As it moves one to a key that has nothing in common with the one before.
async fn rotate(db: &Db, from: &SessionKey, to: &SessionKey) {
    let [from, to] = [from, to].map(|key| db.bytes(key.as_bytes()));
    let rotate = format!(
        "UPDATE auth_sessions SET session_key = {to}, alias_key = {from}, alias_until = 4000000060000, \
         version = version + 1, last_seen = 4000000000000 WHERE session_key = {from} AND version = 1"
    );
    assert_eq!(db.execute(&rotate).await.unwrap(), 1);
}

async fn migrated(db: &Db) -> SqlSessions {
    let store = SqlSessions::new(db.database());
    store.migrate().await.unwrap();
    store
}

/// The user's sessions, on a site or on all.
async fn list(store: &SqlSessions, realm: Option<&str>) -> Vec<SessionKey> {
    let (realm, backend) = (realm.and_then(Realm::new), BackendName::new("local").unwrap());
    let user = UserId::from(7);
    let theirs = UserSessions { realm: realm.as_ref(), backend: &backend, user: &user };
    let list = store.list_user(theirs, NOW).await.unwrap();
    list.into_iter().map(|(key, _)| key).collect()
}

/// Each has its own connections, as processes do. Some come when others are done.
async fn instances_migrate_at_once(place: &Place) {
    for round in 0..5 {
        let db = earlier_table(place).await;
        insert(&db, &earlier_key()).await;
        for _ in 0..2 {
            let migrate = |_| {
                let pool = db.another_pool();
                tokio::spawn(async move {
                    let store = SqlSessions::new(pool.await);
                    store.migrate().await?;
                    Ok::<_, StoreError>(store)
                })
            };
            for instance in (0..8).map(migrate).collect::<Vec<_>>() {
                let store = instance.await.unwrap().unwrap_or_else(|error| {
                    panic!("round {round}: {error}: {:?}", std::error::Error::source(&error))
                });
                assert_eq!(list(&store, Some("shop")).await, [earlier_key()]);
            }
        }
    }
}

/// Beside one that has migrated the table.
async fn the_earlier_version_goes_on(place: &Place) {
    let db = earlier_table(place).await;
    let store = migrated(&db).await;
    let [first, second] = [1, 2].map(|n| SessionKey::from_bytes([n; 32]));
    insert(&db, &first).await;
    for realm in [Some("shop"), Some("forum"), None] {
        assert_eq!(list(&store, realm).await, [first], "{realm:?}");
    }
    rotate(&db, &first, &second).await;
    assert_eq!(list(&store, Some("shop")).await, [second]);
    for key in [first, second] {
        assert_eq!(store.load(&key, NOW).await.unwrap().unwrap().key, second);
    }
    insert(&db, &earlier_key()).await;
    let (forum, record) = (Realm::new("forum").unwrap(), loaded(&store, &second).await.record);
    let theirs = UserSessions { realm: Some(&forum), ..record.user_sessions().unwrap() };
    assert_eq!(store.trim_user(theirs, 1, &second, NOW).await.unwrap(), 1);
    assert_eq!(store.delete_user(theirs, None).await.unwrap(), 1);
}

async fn loaded(store: &SqlSessions, key: &SessionKey) -> Stored {
    store.load(key, NOW).await.unwrap().unwrap()
}

async fn whoever_was_signed_in_stays(place: &Place) {
    let db = earlier_table(place).await;
    insert(&db, &earlier_key()).await;
    let store = migrated(&db).await;
    let Stored { key, record, version } = loaded(&store, &earlier_key()).await;
    assert_eq!((key, version), (earlier_key(), 1));
    let user = record.owner().user().unwrap();
    assert_eq!((user.backend.as_str(), user.id.as_str()), ("local", "7"));
    assert!(format!("{:?}", record.data).contains("cart"), "{:?}", record.data);
    for realm in [Some("shop"), Some("forum"), None] {
        assert_eq!(list(&store, realm).await, [earlier_key()], "{realm:?}");
    }
    let mut newer = SessionRecord::clone(&record);
    newer.realm = Realm::new("shop");
    let answer = store.rotate(&earlier_key(), &later_key(), 1, &newer, None, NOW).await.unwrap();
    assert_eq!(answer, Written::Done);
    assert_eq!(*loaded(&store, &later_key()).await.record, newer);
    assert_eq!(
        (list(&store, Some("shop")).await, list(&store, Some("forum")).await),
        (vec![later_key()], vec![])
    );
    store.delete(&earlier_key()).await.unwrap();
    assert!(
        store.load(&later_key(), NOW).await.unwrap().is_none(),
        "the token of the earlier version signs out"
    );
}

/// Its keys had no lineage.
async fn what_the_earlier_version_moved_ends_by_its_alias(place: &Place) {
    let db = earlier_table(place).await;
    let [first, second, other] = [1, 2, 3].map(|n| SessionKey::from_bytes([n; 32]));
    for key in [first, other] {
        insert(&db, &key).await;
    }
    rotate(&db, &first, &second).await;
    let store = migrated(&db).await;
    assert_eq!(loaded(&store, &first).await.key, second);
    store.delete(&first).await.unwrap();
    assert!(store.load(&second, NOW).await.unwrap().is_none());
    assert_eq!(list(&store, None).await, [other]);
}

/// An instance that starts while the table is dumped: waiting for the dump would make all others wait.
async fn migrating_again_waits_for_nobody(place: &Place) {
    let db = earlier_table(place).await;
    let store = migrated(&db).await;
    macro_rules! while_it_is_read {
        ($pool:expr) => {{
            let mut connection = $pool.acquire().await.unwrap();
            let mut dump = connection.begin().await.unwrap();
            raw_sql("SELECT * FROM auth_sessions").execute(&mut *dump).await.unwrap();
            tokio::time::timeout(LIMIT, store.migrate()).await.expect("it waits for nobody").unwrap();
            dump.rollback().await.unwrap();
        }};
    }
    match &db.pool {
        Pool::Sqlite(pool) => while_it_is_read!(pool),
        Pool::Postgres(pool) | Pool::Pooled { direct: pool, .. } => while_it_is_read!(pool),
        Pool::MySql(pool) => while_it_is_read!(pool),
    }
}

/// The error after a forgotten migration says what to do.
async fn one_that_is_not_migrated_says_so(place: &Place) {
    let db = earlier_table(place).await;
    let store = SqlSessions::new(db.database());
    insert(&db, &earlier_key()).await;
    let record = loaded(&store, &earlier_key()).await.record;
    let theirs = record.user_sessions().unwrap();
    let errors = [
        store.create(&later_key(), &record).await.unwrap_err(),
        store.list_user(theirs, NOW).await.unwrap_err(),
    ];
    for error in errors {
        let said = std::error::Error::source(&error).unwrap().to_string();
        assert!(said.contains("lacks the column `realm`: call `migrate()`"), "{said}");
    }
}
