//! How often a request asks the session store and the user's backend.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use auth_core::backend::{Accepted, Attempt, Backend, BackendError, Outcome, UserSource};
use auth_core::session::{
    KeyRing, MemorySessions, SessionKey, SessionRecord, SessionStore, StoreError, Stored, UserSessions,
    Written,
};
use auth_core::time::{ManualClock, Timestamp};
use auth_core::{Auth, Password, SessionConfig, UserId};
use auth_tower::AuthLayer;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use tower::Service;

use super::site::{People, pages};
use crate::person::Person;
use crate::table::Table;

/// How often each was asked.
#[derive(Default)]
struct Asked {
    loads: AtomicUsize,
    writes: AtomicUsize,
    users: AtomicUsize,
    judged: AtomicUsize,
}

fn count(counter: &AtomicUsize) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Asked {
    /// What was counted since the last call.
    fn take(&self) -> [usize; 4] {
        [&self.loads, &self.writes, &self.users, &self.judged]
            .map(|counter| counter.swap(0, Ordering::Relaxed))
    }
}

/// A store or a backend whose calls are counted.
struct Counted<T> {
    inner: T,
    asked: Arc<Asked>,
}

impl UserSource for Counted<People> {
    type User = Person;

    async fn get_user(&self, id: &UserId) -> Result<Option<Person>, BackendError> {
        count(&self.asked.users);
        self.inner.get_user(id).await
    }
}

impl Backend<Password> for Counted<People> {
    async fn authenticate(
        &self,
        attempt: &Attempt<'_, Password>,
    ) -> Result<Outcome<Accepted<Person>>, BackendError> {
        count(&self.asked.judged);
        self.inner.authenticate(attempt).await
    }
}

impl SessionStore for Counted<MemorySessions> {
    async fn create(&self, key: &SessionKey, record: &SessionRecord) -> Result<(), StoreError> {
        count(&self.asked.writes);
        self.inner.create(key, record).await
    }

    async fn load(&self, key: &SessionKey, now: Timestamp) -> Result<Option<Stored>, StoreError> {
        count(&self.asked.loads);
        self.inner.load(key, now).await
    }

    async fn update(
        &self,
        key: &SessionKey,
        version: u64,
        record: &SessionRecord,
        now: Timestamp,
    ) -> Result<Written, StoreError> {
        count(&self.asked.writes);
        self.inner.update(key, version, record, now).await
    }

    async fn touch(
        &self,
        key: &SessionKey,
        last_seen: Timestamp,
        expires: Timestamp,
    ) -> Result<Written, StoreError> {
        count(&self.asked.writes);
        self.inner.touch(key, last_seen, expires).await
    }

    async fn rotate(
        &self,
        old: &SessionKey,
        new: &SessionKey,
        version: u64,
        record: &SessionRecord,
        alias_until: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Written, StoreError> {
        count(&self.asked.writes);
        self.inner.rotate(old, new, version, record, alias_until, now).await
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), StoreError> {
        count(&self.asked.writes);
        self.inner.delete(key).await
    }

    async fn delete_user(
        &self,
        whose: UserSessions<'_>,
        except: Option<&SessionKey>,
    ) -> Result<u64, StoreError> {
        count(&self.asked.writes);
        self.inner.delete_user(whose, except).await
    }

    async fn trim_user(
        &self,
        whose: UserSessions<'_>,
        max: u64,
        keep: &SessionKey,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        count(&self.asked.writes);
        self.inner.trim_user(whose, max, keep, now).await
    }

    async fn list_user(
        &self,
        whose: UserSessions<'_>,
        now: Timestamp,
    ) -> Result<Vec<(SessionKey, SessionRecord)>, StoreError> {
        count(&self.asked.loads);
        self.inner.list_user(whose, now).await
    }

    async fn purge_expired(&self, now: Timestamp, limit: u64) -> Result<u64, StoreError> {
        count(&self.asked.writes);
        self.inner.purge_expired(now, limit).await
    }
}

/// As by default.
const TOUCH_EVERY: Duration = Duration::from_mins(1);

/// The site with everything counted, and its clock.
struct Site {
    eager: Router,
    lazy: Router,
    asked: Arc<Asked>,
    clock: Arc<ManualClock>,
}

impl Site {
    fn new() -> Self {
        let asked = Arc::new(Asked::default());
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_700_000_000)));
        let people = Counted { inner: People::Known, asked: Arc::clone(&asked) };
        let store = Counted { inner: MemorySessions::new(100), asked: Arc::clone(&asked) };
        let config = SessionConfig::new(KeyRing::generate().expect("a key")).touch_every(TOUCH_EVERY);
        let auth = Auth::builder()
            .backend::<Password>("people", people)
            .sessions(store, config)
            .clock(Arc::clone(&clock))
            .login_page("/login")
            .build()
            .expect("a configuration that can be right");
        let eager = pages().layer(AuthLayer::new(auth.clone()));
        Self { eager, lazy: pages().layer(AuthLayer::new(auth).lazy()), asked, clock }
    }

    /// What a request asked for, and the cookie that its answer sets.
    async fn send(&mut self, lazy: bool, method: &str, path: &str, cookie: &str) -> ([usize; 4], String) {
        let request = Request::builder().method(method).uri(path).header(header::COOKIE, cookie);
        let router = if lazy { &mut self.lazy } else { &mut self.eager };
        let request = request.body(Body::empty()).expect("a request");
        let response = router.call(request).await.expect("infallible");
        let set = response.headers().get(header::SET_COOKIE).and_then(|value| value.to_str().ok());
        let pair = set.and_then(|set| set.split(';').next()).unwrap_or_default();
        (self.asked.take(), pair.to_owned())
    }
}

pub(super) fn table() -> Result<Table, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let rows = runtime.map_err(|error| error.to_string())?.block_on(rows());
    let columns = ["request", "store reads", "store writes", "user by id", "credentials judged"];
    Ok(Table { name: "lookups".into(), columns: columns.map(String::from).to_vec(), rows })
}

async fn rows() -> Vec<Vec<String>> {
    let (eager, lazy) = (false, true);
    let mut site = Site::new();
    let mut rows = Vec::new();
    let mut row = |name: &str, asked: [usize; 4]| {
        rows.push([name.to_owned()].into_iter().chain(asked.map(|count| count.to_string())).collect());
    };
    row("anonymous, a page for everybody", site.send(eager, "GET", "/static", "").await.0);
    row("anonymous, a page that needs a user: refused", site.send(eager, "GET", "/me", "").await.0);
    let (asked, cookie) = site.send(eager, "POST", "/login/0000000000000001", "").await;
    row("login", asked);
    row("session, a page that needs a user", site.send(eager, "GET", "/me", &cookie).await.0);
    row("session, a page for everybody", site.send(eager, "GET", "/static", &cookie).await.0);
    row("session, a page for everybody, lazy", site.send(lazy, "GET", "/static", &cookie).await.0);
    row("session, a page that needs a user, lazy", site.send(lazy, "GET", "/me", &cookie).await.0);
    site.clock.advance(TOUCH_EVERY);
    row("session, once a minute: its use is noted", site.send(eager, "GET", "/me", &cookie).await.0);
    let (asked, cookie) = site.send(eager, "POST", "/login/0000000000000001", &cookie).await;
    row("login of the same user again", asked);
    row("logout", site.send(eager, "POST", "/logout", &cookie).await.0);
    row("session that has ended", site.send(eager, "GET", "/me", &cookie).await.0);
    rows
}
