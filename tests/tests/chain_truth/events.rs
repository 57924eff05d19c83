//! Every attempt ends in exactly one event, with its backend and without a secret.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use auth_core::backend::{BackendAnswer, BackendErrorKind, DeclineReason, DenyReason};
use auth_core::event::{Event, EventKind, Observer};
use auth_core::{Auth, BackendName, Password, RequestFacts};
use integration_tests::accounts::Account;
use integration_tests::bare::Abandoned;
use integration_tests::world::Events;

use crate::scripted::Says::{
    self, Accept, Deny, Fails, Hangs, NotMine, Panics, PanicsBefore, Unknown, Wrong,
};
use crate::scripted::{Scripted, attempt, plain};

#[tokio::test]
async fn one_event_ends_an_attempt() {
    let claim = "password of \"somebody\"";
    let table: [(&[Says], Vec<String>); 9] = [
        (&[Accept], vec![format!("login succeeded: {claim} by first of 7")]),
        (&[Unknown, Wrong], vec![format!("login failed: {claim}: WrongSecret by second")]),
        (&[Unknown], vec![format!("login failed: {claim}: UnknownUser by first")]),
        (&[Deny, Accept], vec![format!("login failed: {claim}: Denied(Locked) by first")]),
        (&[NotMine], vec![format!("login failed: {claim}: NoBackend")]),
        (&[Unknown, Accept], vec![format!("login succeeded: {claim} by second of 7")]),
        (
            &[Fails],
            vec![
                "the backend is unavailable: it is down by first".into(),
                format!("login unavailable: {claim} by first"),
            ],
        ),
        (
            &[Panics],
            vec!["the backend panicked by first".into(), format!("login unavailable: {claim} by first")],
        ),
        (
            &[PanicsBefore],
            vec!["the backend panicked by first".into(), format!("login unavailable: {claim} by first")],
        ),
    ];
    for (says, expected) in table {
        let events = Events::default();
        let (auth, _) = plain(says, &events);
        let answer = attempt(&auth).await;
        assert_eq!(events.take(), expected, "{says:?}");
        let shown = format!("{answer:?}");
        assert!(!shown.contains("canary"), "{shown}");
    }
}

#[tokio::test]
async fn a_bound_that_is_broken_is_an_event_too() {
    let events = Events::default();
    let (auth, backends) = plain(&[Accept], &events);
    for (name, password) in [("", "x"), ("x", "")] {
        let denied = auth.authenticate(Password::new(name, password), &RequestFacts::none()).await;
        assert!(denied.is_err());
        assert_eq!(events.take(), [format!("login failed: password of {name:?}: Malformed")]);
    }
    assert_eq!(backends[0].asked(), 0);
}

/// The client goes away.
#[tokio::test]
async fn an_abandoned_attempt_is_an_event() {
    let events = Events::default();
    let (auth, _) = plain(&[Unknown, Hangs], &events);
    assert!(Abandoned::after(1, attempt(&auth)).await.is_none());
    assert_eq!(events.take(), ["login aborted by the client: password of \"somebody\""]);
    drop(attempt(&auth));
    assert!(events.take().is_empty(), "an attempt that never began is none");
}

/// An observer that panics changes no answer.
#[tokio::test]
async fn an_observer_that_panics_changes_nothing() {
    struct Panicking(Arc<Mutex<u32>>);
    impl Observer for Panicking {
        fn on_event(&self, _: &Event<'_>) {
            *self.0.lock().unwrap() += 1;
            panic!("told to panic");
        }
    }
    for (says, is_ok) in [(Accept, true), (Wrong, false)] {
        let heard = Arc::new(Mutex::new(0));
        let auth: Auth<Account> = Auth::builder()
            .backend::<Password>("first", Scripted::new(says))
            .observer(Panicking(Arc::clone(&heard)))
            .build()
            .unwrap();
        assert_eq!(attempt(&auth).await.is_ok(), is_ok);
        assert_eq!(heard.lock().map_or_else(|poisoned| *poisoned.into_inner(), |heard| *heard), 1);
    }
}

/// With and without a request behind it.
#[tokio::test]
async fn events_carry_the_facts_of_their_request() {
    #[derive(Clone, Default)]
    struct Facts(Arc<Mutex<Vec<RequestFacts>>>);
    impl Observer for Facts {
        fn on_event(&self, event: &Event<'_>) {
            assert!(matches!(event.kind, EventKind::LoginFailed(..)));
            self.0.lock().unwrap().push(event.facts.clone());
        }
    }
    let facts = Facts::default();
    let auth: Auth<Account> = Auth::builder()
        .backend::<Password>("first", Scripted::new(Wrong))
        .observer(facts.clone())
        .build()
        .unwrap();
    let peer: IpAddr = "192.0.2.7".parse().unwrap();
    let request = RequestFacts::none().with_peer(Some(peer)).with_user_agent(Some(b"a\r\nb"));
    for facts in [RequestFacts::none(), request] {
        let _ = auth.authenticate(Password::new("somebody", "x"), &facts).await;
    }
    let heard = facts.0.lock().unwrap();
    assert_eq!((heard[0].peer(), heard[0].user_agent()), (None, None));
    assert_eq!((heard[1].peer(), heard[1].user_agent()), (Some(peer), Some("ab")));
}

/// Each step of a decision is told: whoever was asked, in their order.
#[tokio::test]
async fn an_observer_hears_what_each_backend_answered() {
    #[derive(Clone, Default)]
    struct Trace(Arc<Mutex<Vec<(String, BackendAnswer)>>>);

    impl Observer for Trace {
        fn on_event(&self, _: &Event<'_>) {}

        fn on_answer(&self, backend: &BackendName, answer: BackendAnswer, _: Duration) {
            self.0.lock().unwrap().push((backend.to_string(), answer));
        }
    }

    let declined = |reason| BackendAnswer::Declined(reason);
    let table: [(&[Says], Vec<BackendAnswer>); 5] = [
        (&[Accept, Wrong], vec![BackendAnswer::Accepted]),
        (&[Unknown, Accept], vec![declined(DeclineReason::UnknownUser), BackendAnswer::Accepted]),
        (&[NotMine, Wrong], vec![declined(DeclineReason::NotMine), declined(DeclineReason::WrongSecret)]),
        (&[Deny, Accept], vec![BackendAnswer::Denied(DenyReason::Locked)]),
        (&[Fails, Accept], vec![BackendAnswer::Failed(BackendErrorKind::Unavailable)]),
    ];
    for (says, expected) in table {
        let trace = Trace::default();
        let (auth, _) = plain(says, &trace);
        let _ = attempt(&auth).await;
        let told = std::mem::take(&mut *trace.0.lock().unwrap());
        let names: Vec<_> = told.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["first", "second"][..expected.len()], "{says:?}");
        assert_eq!(told.into_iter().map(|(_, answer)| answer).collect::<Vec<_>>(), expected, "{says:?}");
    }
}
