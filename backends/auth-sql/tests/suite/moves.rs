//! A session that is moved while a statement waits for it. On servers: `SQLite` has one writer at a time.

use auth_core::conformance::store::sample_record;
use auth_core::session::{SessionKey, SessionStore, Written};
use auth_core::time::Timestamp;
use auth_sql::SqlSessions;
use sqlx::{AssertSqlSafe, raw_sql};

use crate::support::{Db, Place, Pool, eventually, run_case};

pub(crate) fn all(place: &Place) {
    run_case("a statement that waits finds what is moved", a_statement_that_waits_finds_what_is_moved(place));
}

const NOW: Timestamp = Timestamp::from_secs(4_000_000_010);

fn key(turn: u8) -> SessionKey {
    let mut bytes = [7; 32];
    bytes[16..].fill(turn);
    SessionKey::from_bytes(bytes)
}

/// What waits.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Deed {
    Delete,
    DeleteUser,
    Update,
    Touch,
}

impl Deed {
    /// By the key that the session has before it is moved.
    async fn run(self, store: SqlSessions) -> Written {
        let (record, at) = (sample_record("alice"), key(5));
        let answer = match self {
            Self::Delete => store.delete(&at).await.map(|()| Written::Done),
            Self::DeleteUser => {
                let ended = store.delete_user(record.user_sessions().unwrap(), None).await;
                ended.map(|ended| if ended == 1 { Written::Done } else { Written::Gone })
            }
            Self::Update => store.update(&at, 1, &record, NOW).await,
            Self::Touch => store.touch(&at, NOW, NOW).await,
        };
        answer.unwrap()
    }

    fn is_right(self, answer: Written, is_left: bool) -> bool {
        match self {
            Self::Delete | Self::DeleteUser => answer == Written::Done && !is_left,
            Self::Update => answer == Written::Conflict && is_left,
            Self::Touch => answer == Written::Done && is_left,
        }
    }
}

/// A statement goes through keys in order: what is moved to where it has been already, it does not meet.
async fn a_statement_that_waits_finds_what_is_moved(place: &Place) {
    let db = place.db().await;
    let store = SqlSessions::new(db.database());
    store.migrate().await.unwrap();
    for deed in [Deed::Delete, Deed::DeleteUser, Deed::Update, Deed::Touch] {
        for to in [1, 9].map(key) {
            store.create(&key(5), &sample_record("alice")).await.unwrap();
            let answer = meets_a_move(&db, &store, deed, &to).await;
            let is_left = store.load(&to, NOW).await.unwrap().is_some();
            assert!(
                deed.is_right(answer, is_left),
                "{deed:?}, moved to {to}: {answer:?}, is left: {is_left}"
            );
            store.delete(&to).await.unwrap();
        }
    }
}

/// Moves the session, which gets an alias, in two steps. The deed comes between and waits for the second.
async fn meets_a_move(db: &Db, store: &SqlSessions, deed: Deed, to: &SessionKey) -> Written {
    let [old, new] = [&key(5), to].map(|key| db.bytes(key.as_bytes()));
    // What is found by key and what is found by user has been touched, and is locked.
    let first = "UPDATE auth_sessions SET user_id = 'nobody'";
    let second = AssertSqlSafe(format!(
        "UPDATE auth_sessions SET session_key = {new}, alias_key = {old}, alias_until = 9000000000000, \
         user_id = 'alice', version = version + 1"
    ));
    macro_rules! between {
        ($pool:expr) => {{
            let mut transaction = $pool.begin().await.unwrap();
            raw_sql(first).execute(&mut *transaction).await.unwrap();
            let waiting = tokio::spawn(deed.run(store.clone()));
            eventually("the deed waits", async || is_any_waiting(db).await.then_some(())).await;
            raw_sql(second).execute(&mut *transaction).await.unwrap();
            transaction.commit().await.unwrap();
            waiting.await.unwrap()
        }};
    }
    match &db.pool {
        Pool::Sqlite(_) => unreachable!("it has one writer at a time"),
        Pool::Postgres(pool) | Pool::Pooled { direct: pool, .. } => between!(pool),
        Pool::MySql(pool) => between!(pool),
    }
}

async fn is_any_waiting(db: &Db) -> bool {
    let count = db.pick(
        "",
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'",
        "SELECT CAST(variable_value AS SIGNED) FROM information_schema.global_status \
         WHERE variable_name = 'innodb_row_lock_current_waits'",
    );
    db.count(count).await > 0
}
