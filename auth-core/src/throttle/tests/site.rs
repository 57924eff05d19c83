//! One instance of a site, with a store that fails on command.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use crate::backend::{Accepted, Attempt, Backend, BackendError, DeclineReason, Health, Outcome, UserSource};
use crate::event::{Event, EventKind, Observer};
use crate::password::{Argon2Cost, Verdict};
use crate::random::OsRandom;
use crate::store_error::StoreError;
use crate::throttle::{
    Account, Bucket, BucketChange, BucketKey, MemoryThrottle, StoredBucket, Throttle, ThrottleStore,
};
use crate::time::{Clock, ManualClock, Timestamp};
use crate::{Auth, Denied, DeniedKind, Password, Passwords, RequestFacts, Secret, User, UserId};

pub(super) const START: Timestamp = Timestamp::from_secs(1_800_000_000);
pub(super) const RIGHT: &str = "wonderland";
pub(super) const LIMIT: usize = 5;

pub(super) struct Member;

impl User for Member {
    fn id(&self) -> UserId {
        UserId::from(1)
    }

    fn security_stamp(&self) -> &[u8] {
        b"stamp"
    }

    fn is_active(&self) -> bool {
        true
    }
}

/// Alice, who has two names; and an outage that can be switched on.
pub(super) struct Users {
    pub(super) passwords: Passwords,
    pub(super) hash: String,
    pub(super) is_down: AtomicBool,
    pub(super) hangs: AtomicBool,
    pub(super) asked: AtomicUsize,
    pub(super) at_most: AtomicU32,
    /// Whether the next attempt finds the throttle's store down when it is judged.
    pub(super) breaks: AtomicBool,
    pub(super) store: std::sync::OnceLock<Arc<Store>>,
}

impl Users {
    pub(super) fn new(passwords: Passwords, hash: String) -> Self {
        Self {
            passwords,
            hash,
            is_down: AtomicBool::new(false),
            hangs: AtomicBool::new(false),
            asked: AtomicUsize::new(0),
            at_most: AtomicU32::new(0),
            breaks: AtomicBool::new(false),
            store: std::sync::OnceLock::new(),
        }
    }
}

impl UserSource for Users {
    type User = Member;

    async fn get_user(&self, _: &UserId) -> Result<Option<Member>, BackendError> {
        Ok(Some(Member))
    }

    async fn health(&self) -> Health {
        Health::Serving
    }
}

impl Backend<Password> for Users {
    fn passwords(&self) -> Option<&Passwords> {
        Some(&self.passwords)
    }

    async fn authenticate(
        &self,
        attempt: &Attempt<'_, Password>,
    ) -> Result<Outcome<Accepted<Member>>, BackendError> {
        if self.is_down.load(Ordering::SeqCst) {
            return Err(BackendError::unavailable("down"));
        }
        if self.hangs.load(Ordering::SeqCst) {
            self.asked.fetch_add(1, Ordering::SeqCst);
            std::future::pending::<()>().await;
        }
        let is_alice = ["alice", "alice@example.com"].contains(&attempt.credentials().username());
        if is_alice {
            match self.at_most.load(Ordering::SeqCst) {
                0 => attempt.account("1").await?,
                most => attempt.account_at_most("1", most, Duration::from_secs(1_800)).await?,
            };
        }
        if let Some(store) = self.store.get().filter(|_| self.breaks.swap(false, Ordering::SeqCst)) {
            store.is_down.store(true, Ordering::SeqCst);
        }
        let verdict = attempt.verify(&self.passwords, is_alice.then_some(self.hash.as_str())).await?;
        Ok(match (is_alice, verdict) {
            (false, _) => Outcome::Decline(DeclineReason::UnknownUser),
            (true, Verdict::Mismatch) => Outcome::Decline(DeclineReason::WrongSecret),
            (true, Verdict::Match { .. }) => Outcome::accept(Member),
        })
    }
}

/// A store that fails on command.
pub(super) struct Store {
    pub(super) kept: MemoryThrottle,
    pub(super) is_down: AtomicBool,
    pub(super) asked: AtomicU32,
}

impl Store {
    pub(super) fn new(max: usize) -> Self {
        Self { kept: MemoryThrottle::new(max), is_down: AtomicBool::new(false), asked: AtomicU32::new(0) }
    }

    fn check(&self) -> Result<(), StoreError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.is_down.load(Ordering::SeqCst) { Err(StoreError::unavailable("down")) } else { Ok(()) }
    }
}

impl ThrottleStore for Store {
    async fn load(&self, keys: &[BucketKey]) -> Result<Vec<Option<StoredBucket>>, StoreError> {
        self.check()?;
        // Others come in between.
        tokio::task::yield_now().await;
        self.kept.load(keys).await
    }

    async fn replace(&self, changes: &[BucketChange], now: Timestamp) -> Result<bool, StoreError> {
        self.check()?;
        tokio::task::yield_now().await;
        self.kept.replace(changes, now).await
    }

    async fn of_account(&self, account: &Account) -> Result<Vec<(BucketKey, StoredBucket)>, StoreError> {
        self.check()?;
        self.kept.of_account(account).await
    }

    async fn delaying(&self, now: Timestamp, limit: usize) -> Result<Vec<Bucket>, StoreError> {
        self.check()?;
        self.kept.delaying(now, limit).await
    }

    async fn purge_expired(&self, now: Timestamp, limit: u64) -> Result<u64, StoreError> {
        self.check()?;
        self.kept.purge_expired(now, limit).await
    }
}

#[derive(Clone, Default)]
pub(super) struct Heard(pub(super) Arc<std::sync::Mutex<Vec<String>>>);

impl Observer for Heard {
    fn on_event(&self, event: &Event<'_>) {
        if let EventKind::LoginThrottled(..) | EventKind::ThrottleStoreFailed(_) = event.kind {
            self.0.lock().unwrap().push(event.kind.to_string());
        }
    }
}

/// One instance of a site.
pub(super) struct Site {
    pub(super) auth: Auth<Member>,
    pub(super) users: Arc<Users>,
    pub(super) store: Arc<Store>,
    pub(super) clock: Arc<ManualClock>,
    pub(super) heard: Heard,
}

impl Site {
    pub(super) async fn new() -> Self {
        let store = Arc::new(Store::new(100_000));
        Self::on(store, Arc::new(ManualClock::at(START))).await
    }

    pub(super) async fn on(store: Arc<Store>, clock: Arc<ManualClock>) -> Self {
        Self::with(store, clock, |throttle| throttle).await
    }

    pub(super) async fn with(
        store: Arc<Store>,
        clock: Arc<ManualClock>,
        configure: impl FnOnce(Throttle) -> Throttle,
    ) -> Self {
        let cost = Argon2Cost::dangerous_weak(16, 1, 1).unwrap();
        let passwords = Passwords::builder().cost(cost).threads(1).queue(1_000).build().unwrap();
        let hash = passwords.hash(&Secret::new(RIGHT)).await.unwrap().as_str().to_owned();
        let users = Arc::new(Users::new(passwords, hash));
        users.store.get_or_init(|| Arc::clone(&store));
        let heard = Heard::default();
        let keys = crate::session::KeyRing::new(b"a secret of at least 32 bytes....").unwrap();
        let auth = Auth::builder()
            .backend_with::<Password>(
                "local",
                Arc::clone(&users),
                crate::BackendPolicy::new().without_breaker(),
            )
            .throttle(configure(Throttle::new(Arc::clone(&store)).keys(&keys)))
            .clock(Arc::clone(&clock))
            .observer(heard.clone())
            .build()
            .unwrap();
        Self { auth, users, store, clock, heard }
    }

    pub(super) async fn try_as(
        &self,
        name: &str,
        password: &str,
        facts: &RequestFacts,
    ) -> Result<(), DeniedKind> {
        let answer = self.auth.authenticate(Password::new(name, password), facts).await;
        answer.map(|_| ()).map_err(|denied: Denied| denied.kind())
    }

    pub(super) async fn guess(&self, name: &str, from: &RequestFacts) -> DeniedKind {
        self.try_as(name, "guess", from).await.unwrap_err()
    }

    pub(super) fn runs(&self) -> u64 {
        self.users.passwords.runs()
    }

    pub(super) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

pub(super) fn from(address: &str) -> RequestFacts {
    RequestFacts::none().with_peer(Some(address.parse::<IpAddr>().unwrap()))
}

pub(super) fn with_device(site: &Site, name: &str, facts: RequestFacts) -> RequestFacts {
    let (devices, throttle) = (site.auth.0.http.devices.as_ref().unwrap(), site.auth.throttle().unwrap());
    let cookies = devices.note(throttle.name(name), facts.devices(), site.clock.now(), &OsRandom).unwrap();
    let pairs: Vec<_> = cookies.iter().filter_map(|cookie| cookie.split(';').next()).collect();
    facts.with_devices(Some(pairs.join("; ").into_bytes().into()))
}
