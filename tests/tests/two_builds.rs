//! Two builds of different ages beside each other on one store, as while a deployment rolls forward or back. One of them
//! knows a field more of a session's record (`tests/tomorrow`): each writes what the other wrote, and nobody is signed out,
//! nothing is lost, and what only the newer one can judge is nobody's at the older one.
#![allow(missing_docs)]

use std::sync::Arc;
use std::time::Duration;

use auth_core::session::SessionStore;
use auth_core::time::{Clock as _, Timestamp};
use auth_core_tomorrow::session as tomorrow;
use auth_core_tomorrow::session::SessionStore as _;
use auth_core_tomorrow::time::{Clock as _, ManualClock};
use auth_core_tomorrow::{Auth, MemoryBackend, Password, Passwords, Secret, User, UserId};
use auth_redis::RedisSessions;
use auth_sql::SqlSessions;
use auth_tower_tomorrow::{AuthLayer, CurrentUser, Error, Session};
use axum::Router;
use axum::extract::Query;
use axum::routing::{get, post};
use futures_util::future::join_all;
use integration_tests::site::{Answer, Request, Site, answered};
use integration_tests::tower::Tower;
use integration_tests::world::{ALICE, START, Setup, World};
use serde::Deserialize;
use sqlx::mysql::MySqlPoolOptions;
use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use test_servers::{MariaDb, Postgres, Redis};

/// How often each rewrites the other's records.
const ROUNDS: usize = 200;
/// For how long a store may keep them waiting.
const PATIENCE: Duration = Duration::from_secs(60);
/// How many requests meet in a round.
const CROWD: usize = 8;

/// Alice, as tomorrow's site has her: the same id and stamp.
#[derive(Clone)]
struct Alice;

impl User for Alice {
    fn id(&self) -> UserId {
        UserId::from(1)
    }
    fn security_stamp(&self) -> &[u8] {
        b"stamp of alice"
    }
    fn is_active(&self) -> bool {
        true
    }
}

#[derive(Deserialize)]
struct Field {
    name: String,
    value: Option<String>,
}

async fn who(user: Option<CurrentUser<Alice>>) -> &'static str {
    if user.is_some() { "alice" } else { "anonymous" }
}

async fn login(session: Session<Alice>) -> Result<&'static str, Error> {
    let alice = session.authenticate(Password::new("alice", ALICE)).await?;
    let _in = session.login(alice).await?;
    Ok("in")
}

async fn logout(session: Session<Alice>) -> Result<&'static str, Error> {
    session.logout().await?;
    Ok("out")
}

async fn rotate(session: Session<Alice>) -> Result<&'static str, Error> {
    session.rotate().await?;
    Ok("rotated")
}

async fn set(session: Session<Alice>, field: Query<Field>) -> Result<&'static str, Error> {
    session.insert(&field.name, &field.value).await?;
    Ok("set")
}

async fn value(session: Session<Alice>, field: Query<Field>) -> Result<String, Error> {
    Ok(session.get::<String>(&field.name).await?.unwrap_or_default())
}

/// Both builds over one store, each by a handle of its own.
struct Both<S> {
    today: Tower,
    tomorrow: Tower,
    world: World,
    clock: Arc<ManualClock>,
    /// Tomorrow's way to the records.
    store: Arc<S>,
}

impl<S: tomorrow::SessionStore> Both<S> {
    async fn new(today: impl SessionStore, store: S) -> Self {
        // Nothing here is about a store that is slow.
        let world = Setup::default().sessions(|config| config.store_timeouts(PATIENCE, PATIENCE));
        let world = world.world_over(today).await;
        let cost = auth_core_tomorrow::password::Argon2Cost::dangerous_weak(64, 1, 1).unwrap();
        let users = MemoryBackend::new(Passwords::builder().cost(cost).threads(1).build().unwrap());
        users.insert("alice", &Secret::new(ALICE), Alice).await.unwrap();
        let secret = b"the tests' secret, of 32 bytes or more";
        let config = tomorrow::SessionConfig::new(tomorrow::KeyRing::new(secret).unwrap());
        let config = config.store_timeouts(PATIENCE, PATIENCE);
        let clock =
            Arc::new(ManualClock::at(auth_core_tomorrow::time::Timestamp::from_millis(START.as_millis())));
        let store = Arc::new(store);
        let auth = Auth::builder()
            .backend::<Password>("local", users)
            .sessions(Arc::clone(&store), config)
            .clock(Arc::clone(&clock))
            .build()
            .unwrap();
        let router = Router::new()
            .route("/who", get(who))
            .route("/login", post(login))
            .route("/logout", post(logout))
            .route("/act/rotate", post(rotate))
            .route("/act/set", post(set))
            .route("/act/get", get(value))
            .layer(AuthLayer::new(auth));
        let today = Tower::new(&world);
        Self { today, tomorrow: Tower::of("tomorrow", router), world, clock, store }
    }

    fn sites(&self) -> [&Tower; 2] {
        [&self.today, &self.tomorrow]
    }

    async fn log_in(&self, site: &Tower) -> String {
        let fields = [("username", "alice"), ("password", ALICE)];
        answered(site, Request::post("/login", &fields)).await.token().expect("a session")
    }

    fn now(&self) -> auth_core_tomorrow::time::Timestamp {
        self.clock.now()
    }

    fn advance(&self, by: Duration) {
        self.world.clock.advance(by);
        self.clock.advance(by);
    }

    async fn all(&self) -> Vec<(tomorrow::SessionKey, tomorrow::SessionRecord)> {
        let (backend, user) = (auth_core_tomorrow::BackendName::new("local").unwrap(), UserId::from(1));
        let whose = tomorrow::UserSessions::everywhere(&backend, &user);
        // Redis has limits of its own, which a busy machine may miss for a moment, as in `answered`.
        for _ in 0..1_000 {
            if let Ok(all) = self.store.list_user(whose, self.now()).await {
                return all;
            }
        }
        panic!("the store never answers");
    }

    /// Changes the only session as tomorrow's build would.
    async fn change(&self, change: impl Fn(&mut tomorrow::SessionRecord)) -> tomorrow::SessionKey {
        let [(key, mut record)] = self.all().await.try_into().expect("one session");
        let stored = self.store.load(&key, self.now()).await.unwrap().expect("it is there");
        change(&mut record);
        let written = self.store.update(&key, stored.version, &record, self.now()).await.unwrap();
        assert_eq!(written, tomorrow::Written::Done);
        key
    }
}

/// Sets a value at either site: one takes it from the form, the other from the query.
async fn write(site: &Tower, token: &str, name: &str, value: &str) -> Answer {
    let target = format!("/act/set?name={name}&value={value}");
    answered(site, Request::post(&target, &[("name", name), ("value", value)]).cookie(token)).await
}

/// Whoever is signed in stays so, whatever the two write in turn and at once.
async fn each_rewrites_the_others_records(both: &Both<impl tomorrow::SessionStore>) {
    for begins in both.sites() {
        let mut token = both.log_in(begins).await;
        both.change(|record| record.note = Some("of tomorrow".into())).await;
        for round in 0..ROUNDS {
            let site = both.sites()[round % 2];
            let moved = answered(site, Request::post("/act/rotate", &[]).cookie(&token)).await;
            token = moved.token().unwrap_or_else(|| panic!("{} at {}: {moved:?}", round, site.name()));
            // Both at once, and often enough for a use to be noted.
            both.advance(Duration::from_secs(61));
            let sets = (0..CROWD).map(|n| {
                let site = both.sites()[n % 2];
                let (name, value, token) = (format!("k{n}"), round.to_string(), &token);
                async move {
                    let answer = write(site, token, &name, &value).await;
                    assert_eq!((answer.status, &*answer.body), (200, "set"), "{} at {}", n, site.name());
                }
            });
            join_all(sets).await;
            for site in both.sites() {
                let who = answered(site, Request::get("/who").cookie(&token)).await;
                assert_eq!(who.body, "alice", "round {round} at {}", site.name());
                let target = format!("/act/get?name=k{}", round % CROWD);
                let kept = answered(site, Request::get(&target).cookie(&token)).await;
                assert_eq!(kept.body, round.to_string(), "round {round} at {}", site.name());
            }
            let [(_, record)] = both.all().await.try_into().expect("one session");
            assert_eq!(record.note.as_deref(), Some("of tomorrow"), "round {round}");
            if round % 100 == 99 {
                // A proof anew, or the day is over.
                let fields = [("username", "alice"), ("password", ALICE)];
                let again = answered(site, Request::post("/login", &fields).cookie(&token)).await;
                token = again.token().expect("a new id");
            }
        }
        let out = answered(&both.today, Request::post("/logout", &[]).cookie(&token)).await;
        assert_eq!(out.status, 303);
        assert!(both.all().await.is_empty());
    }
}

type Change = fn(&mut tomorrow::SessionRecord);

/// What is no signed-in user's of this site, or what the older build cannot judge, is nobody's there; cookie and record
/// stay, and the newer one still has it.
async fn what_is_not_theirs_is_nobodys(both: &Both<impl tomorrow::SessionStore>) {
    let pending: Change = |record| {
        let Some(user) = record.owner().user().cloned() else { return };
        record.set_owner(tomorrow::Owner::Pending(user));
    };
    let restricted: Change = |record| record.restriction = Some("only by whom who knows".into());
    let elsewhere: Change = |record| record.realm = tomorrow::Realm::new("forum");
    let table: [(&str, Change, &str, &[&str]); 3] = [
        ("restricted", restricted, "alice", &["session not judged: Newer"]),
        ("pending", pending, "anonymous", &[]),
        ("of another site", elsewhere, "anonymous", &["session not judged: OtherRealm"]),
    ];
    for (what, change, at_tomorrows, told) in table {
        let token = both.log_in(&both.tomorrow).await;
        let key = both.change(change).await;
        let before = both.store.load(&key, both.now()).await.unwrap();
        for _ in 0..3 {
            both.advance(Duration::from_secs(61));
            both.world.events.take();
            let who = answered(&both.today, Request::get("/who").cookie(&token)).await;
            assert_eq!(who.body, "anonymous", "{what}");
            let heard = both.world.events.take();
            let unjudged: Vec<_> = heard.iter().filter(|heard| heard.contains("not judged")).collect();
            assert_eq!(unjudged, told, "{what}");
            assert_eq!(who.all("set-cookie"), [""; 0], "{what}: the cookie stays");
            let set = write(&both.today, &token, "k", "v").await;
            assert_eq!(set.status, 401, "{what}: {set:?}");
            let rotate = answered(&both.today, Request::post("/act/rotate", &[]).cookie(&token)).await;
            assert_eq!(rotate.status, 401, "{what}: {rotate:?}");
        }
        assert_eq!(both.store.load(&key, both.now()).await.unwrap(), before, "{what}: nothing was written");
        let who = answered(&both.tomorrow, Request::get("/who").cookie(&token)).await;
        assert_eq!(who.body, at_tomorrows, "{what}");
        both.store.delete(&key).await.unwrap();
    }
}

/// An id can end what this build cannot judge.
async fn what_is_newer_can_be_ended(both: &Both<impl tomorrow::SessionStore>) {
    let token = both.log_in(&both.tomorrow).await;
    both.change(|record| record.restriction = Some("only by whom who knows".into())).await;
    let out = answered(&both.today, Request::post("/logout", &[]).cookie(&token)).await;
    assert_eq!(out.status, 303);
    let who = answered(&both.tomorrow, Request::get("/who").cookie(&token)).await;
    assert_eq!(who.body, "anonymous");
    assert!(both.all().await.is_empty());
}

async fn run(both: Both<impl tomorrow::SessionStore>) {
    assert_eq!(both.world.clock.now(), Timestamp::from_millis(both.now().as_millis()));
    what_is_not_theirs_is_nobodys(&both).await;
    what_is_newer_can_be_ended(&both).await;
    each_rewrites_the_others_records(&both).await;
}

#[tokio::test]
async fn on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let options = SqliteConnectOptions::new().filename(folder.path().join("db")).create_if_missing(true);
    let options = options.journal_mode(sqlx::sqlite::SqliteJournalMode::Wal);
    let pool = || SqlitePoolOptions::new().max_connections(4).connect_lazy_with(options.clone());
    let (today, tomorrow) = (SqlSessions::new(pool()), auth_sql_tomorrow::SqlSessions::new(pool()));
    today.migrate().await.unwrap();
    tomorrow.migrate().await.unwrap();
    run(Both::new(today, tomorrow).await).await;
}

#[tokio::test]
async fn on_postgres() {
    let server = Postgres::start();
    let pool = || PgPoolOptions::new().max_connections(4).connect_lazy(&server.url()).unwrap();
    let (today, tomorrow) = (SqlSessions::new(pool()), auth_sql_tomorrow::SqlSessions::new(pool()));
    today.migrate().await.unwrap();
    tomorrow.migrate().await.unwrap();
    run(Both::new(today, tomorrow).await).await;
}

#[tokio::test]
async fn on_maria_db() {
    let server = MariaDb::start();
    let pool = || MySqlPoolOptions::new().max_connections(4).connect_lazy(&server.url()).unwrap();
    let (today, tomorrow) = (SqlSessions::new(pool()), auth_sql_tomorrow::SqlSessions::new(pool()));
    today.migrate().await.unwrap();
    tomorrow.migrate().await.unwrap();
    run(Both::new(today, tomorrow).await).await;
}

#[tokio::test]
async fn on_redis() {
    let server = Redis::new().start();
    let client = || redis::Client::open(server.url()).unwrap();
    let today = RedisSessions::new(client()).unwrap();
    let tomorrow = auth_redis_tomorrow::RedisSessions::new(client()).unwrap();
    run(Both::new(today, tomorrow).await).await;
}
