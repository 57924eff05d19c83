//! Backends that do not answer. Time is tokio's, and stands still.

use std::time::Duration;

use auth_core::{Auth, BackendPolicy, DeniedKind, OutagePolicy, Password};
use integration_tests::accounts::Account;
use integration_tests::world::Events;
use tokio::time::Instant;

use crate::scripted::Says::{self, Accept, Hangs, Unknown};
use crate::scripted::{Scripted, attempt, chain, plain};

/// Each fault, at each place, in front of one that would accept.
#[tokio::test(start_paused = true)]
async fn no_fault_is_a_yes() {
    for fault in [Says::Fails, Says::Panics, Says::PanicsBefore, Hangs] {
        for at in 0..3 {
            let mut says = [Unknown; 3];
            says[at] = fault;
            let (auth, _) = plain(&says, &Events::default());
            assert_eq!(
                attempt(&auth).await.unwrap_err().kind(),
                DeniedKind::Unavailable,
                "{fault:?} at {at}"
            );
        }
        let (auth, backends) = plain(&[fault, Accept], &Events::default());
        assert_eq!(attempt(&auth).await.unwrap_err().kind(), DeniedKind::Unavailable, "{fault:?}");
        assert_eq!(backends[1].asked(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_backend_is_given_its_time_and_no_more() {
    let second = Duration::from_secs(1);
    let with = |policy| chain(&[(Scripted::new(Hangs), policy)], &Events::default());
    let table = [
        ("default", with(BackendPolicy::new()), 5),
        ("its own", with(BackendPolicy::new().timeout(second * 2)), 2),
        ("the chain's", with(BackendPolicy::new().timeout(second * 60)), 10),
    ];
    for (name, auth, seconds) in table {
        let start = Instant::now();
        assert_eq!(attempt(&auth).await.unwrap_err().kind(), DeniedKind::Unavailable, "{name}");
        assert_eq!(start.elapsed().as_secs(), seconds, "{name}");
    }
}

/// With three that hang one after the other, the chain's own limit holds.
#[tokio::test(start_paused = true)]
async fn the_whole_chain_has_a_limit() {
    let policy = BackendPolicy::new().outage(OutagePolicy::Continue);
    let hanging = || (Scripted::new(Hangs), policy);
    let events = Events::default();
    let auth = chain(&[hanging(), hanging(), hanging(), (Scripted::new(Accept), policy)], &events);
    let start = Instant::now();
    assert_eq!(attempt(&auth).await.unwrap_err().kind(), DeniedKind::Unavailable);
    assert_eq!(start.elapsed().as_secs(), 10);
    let ends = events.take().into_iter().filter(|event| event.starts_with("login")).count();
    assert_eq!(ends, 1);
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_hangs_can_be_passed_over() {
    let open = BackendPolicy::new().outage(OutagePolicy::Continue).timeout(Duration::from_secs(3));
    let list = [(Scripted::new(Hangs), open), (Scripted::new(Accept), BackendPolicy::new())];
    let auth = chain(&list, &Events::default());
    assert_eq!(attempt(&auth).await.unwrap().backend().as_str(), "second");
}

/// A backend that waits, behind one that does not, without blocking the runtime's only thread.
#[tokio::test(start_paused = true)]
async fn backends_that_wait_and_that_do_not() {
    let slow = auth_core::backend::backend_fn(
        |_: Password| async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok(auth_core::backend::Outcome::Accept(Account::new(7, "slow")))
        },
        |_| async { Ok(None) },
    );
    let auth: Auth<Account> = Auth::builder()
        .backend::<Password>("quick", Scripted::new(Unknown))
        .backend::<Password>("slow", slow)
        .build()
        .unwrap();
    let (answer, other) = tokio::join!(attempt(&auth), async { Instant::now() });
    assert_eq!(answer.unwrap().backend().as_str(), "slow");
    assert!(other.elapsed().as_secs() == 1, "the other went on at once");
}
