//! A backend that keeps failing is not dialled for a while.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use auth_core::backend::{BackendError, DeclineReason, Outcome, backend_fn};
use auth_core::time::{ManualClock, Timestamp};
use auth_core::{Auth, BackendPolicy, DeniedKind, Password, RequestFacts, UserId};
use integration_tests::accounts::Account;

/// A backend that can be down, and counts how often it is asked.
struct Site {
    auth: Auth<Account>,
    clock: Arc<ManualClock>,
    is_down: Arc<AtomicBool>,
    dials: Arc<AtomicUsize>,
}

impl Site {
    fn new(policy: BackendPolicy) -> Self {
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_000)));
        let (is_down, dials) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicUsize::new(0)));
        let (down, count) = (Arc::clone(&is_down), Arc::clone(&dials));
        let directory = backend_fn(
            move |_: Password| {
                count.fetch_add(1, Ordering::SeqCst);
                let is_down = down.load(Ordering::SeqCst);
                async move {
                    if is_down {
                        return Err(BackendError::unavailable("no route to host"));
                    }
                    Ok(Outcome::Decline(DeclineReason::WrongSecret))
                }
            },
            |_: UserId| async { Ok(None::<Account>) },
        );
        let builder = Auth::builder().backend_with::<Password>("directory", directory, policy);
        let auth = builder.clock(Arc::clone(&clock)).build().unwrap();
        Self { auth, clock, is_down, dials }
    }

    async fn login(&self) -> DeniedKind {
        let alice = Password::new("alice", "wonderland");
        self.auth.authenticate(alice, &RequestFacts::none()).await.unwrap_err().kind()
    }

    fn dials(&self) -> usize {
        self.dials.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn after_five_outages_the_answer_comes_without_dialling() {
    let site = Site::new(BackendPolicy::new());
    for _ in 0..20 {
        assert_eq!(site.login().await, DeniedKind::Unavailable);
    }
    assert_eq!(site.dials(), 5);
    site.clock.advance(Duration::from_secs(5));
    for _ in 0..20 {
        assert_eq!(site.login().await, DeniedKind::Unavailable);
    }
    assert_eq!(site.dials(), 6, "one probe");
    site.is_down.store(false, Ordering::SeqCst);
    site.clock.advance(Duration::from_secs(10));
    for _ in 0..20 {
        assert_eq!(site.login().await, DeniedKind::WrongSecret);
    }
    assert_eq!(site.dials(), 26, "a probe that succeeds closes it");
}

/// An attacker's wrong passwords do not open it.
#[tokio::test]
async fn wrong_passwords_never_open_it() {
    let site = Site::new(BackendPolicy::new());
    site.is_down.store(false, Ordering::SeqCst);
    for _ in 0..1_000 {
        assert_eq!(site.login().await, DeniedKind::WrongSecret);
    }
    assert_eq!(site.dials(), 1_000);
}

#[tokio::test]
async fn it_can_be_left_out() {
    let site = Site::new(BackendPolicy::new().without_breaker());
    for _ in 0..20 {
        assert_eq!(site.login().await, DeniedKind::Unavailable);
    }
    assert_eq!(site.dials(), 20);
}
