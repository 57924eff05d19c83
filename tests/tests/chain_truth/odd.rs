//! An error that the input causes is no outage: it keeps nobody else out, and it leads past no backend.

use std::sync::Arc;

use auth_core::backend::{
    Accepted, Attempt, Backend, BackendError, BackendErrorKind, DeclineReason, Health, Outcome, UserSource,
};
use auth_core::{Auth, BackendPolicy, DeniedKind, OutagePolicy, Password, RequestFacts, UserId};
use integration_tests::accounts::Account;
use integration_tests::world::Events;

use crate::scripted::{Says, Scripted};

const KINDS: [BackendErrorKind; 6] = [
    BackendErrorKind::Unavailable,
    BackendErrorKind::TimedOut,
    BackendErrorKind::Overloaded,
    BackendErrorKind::InvalidData,
    BackendErrorKind::Panicked,
    BackendErrorKind::Undecided,
];
const HEALTHS: [Health; 3] = [Health::Down, Health::Unknown, Health::Serving];

/// Knows alice, and fails over whoever is odd.
struct Picky {
    fails: BackendErrorKind,
    health: Health,
}

fn error(kind: BackendErrorKind) -> BackendError {
    match kind {
        BackendErrorKind::Unavailable => BackendError::unavailable("odd"),
        BackendErrorKind::TimedOut => BackendError::timed_out("odd"),
        BackendErrorKind::Overloaded => BackendError::overloaded("odd"),
        BackendErrorKind::InvalidData => BackendError::invalid_data("odd"),
        BackendErrorKind::Undecided => BackendError::undecided("odd"),
        kind => panic!("told to, as {kind:?}"),
    }
}

impl UserSource for Picky {
    type User = Account;

    async fn get_user(&self, _: &UserId) -> Result<Option<Account>, BackendError> {
        Ok(None)
    }

    async fn health(&self) -> Health {
        self.health
    }
}

impl Backend<Password> for Picky {
    async fn authenticate(
        &self,
        attempt: &Attempt<'_, Password>,
    ) -> Result<Outcome<Accepted<Account>>, BackendError> {
        match attempt.credentials().username() {
            "alice" => Ok(Outcome::accept(Account::new(7, "alice"))),
            "nobody" => Ok(Outcome::Decline(DeclineReason::UnknownUser)),
            _ => Err(error(self.fails)),
        }
    }
}

async fn login(auth: &Auth<Account>, username: &str) -> Result<String, DeniedKind> {
    let answer = auth.authenticate(Password::new(username, "wonderland"), &RequestFacts::none()).await;
    answer.map(|done| done.backend().to_string()).map_err(|denied| denied.kind())
}

/// Whatever odd input brings about, however often: the next attempt is judged, unless the backend itself says that it is
/// down, or cannot be reached.
#[tokio::test]
async fn odd_attempts_keep_nobody_out() {
    for fails in KINDS {
        for health in HEALTHS {
            for policy in [BackendPolicy::new(), BackendPolicy::new().outage(OutagePolicy::Continue)] {
                let auth = Auth::builder().backend_with::<Password>("picky", Picky { fails, health }, policy);
                let auth = auth.build().unwrap();
                for n in 0..50 {
                    let refused = login(&auth, &format!("odd{n}")).await;
                    assert_eq!(refused, Err(DeniedKind::Unavailable), "{fails:?}: it is no wrong password");
                }
                let may_open = match fails {
                    BackendErrorKind::Undecided | BackendErrorKind::Overloaded => false,
                    BackendErrorKind::Unavailable => health != Health::Serving,
                    _ => health == Health::Down,
                };
                let expected = if may_open { Err(DeniedKind::Unavailable) } else { Ok("picky".to_owned()) };
                assert_eq!(login(&auth, "alice").await, expected, "{fails:?}, {health:?}");
            }
        }
    }
}

/// What a chain does that goes on in an outage: an odd attempt does not get past the first backend to one that accepts
/// everybody.
#[tokio::test]
async fn odd_attempts_lead_past_no_backend() {
    use BackendErrorKind::{Overloaded, Unavailable, Undecided};
    for fails in KINDS {
        for health in HEALTHS {
            for (authoritative, closed) in [(false, false), (true, false), (false, true), (true, true)] {
                let mut policy = BackendPolicy::new();
                if authoritative {
                    policy = policy.authoritative();
                }
                if !closed {
                    policy = policy.outage(OutagePolicy::Continue);
                }
                let weak = Scripted::new(Says::Accept);
                let auth = Auth::builder()
                    .backend_with::<Password>("picky", Picky { fails, health }, policy)
                    .backend::<Password>("weak", weak.clone())
                    .build()
                    .unwrap();
                let goes_on = !closed
                    && match (fails, health) {
                        (Undecided, _) => false,
                        (Unavailable, _) => true,
                        (Overloaded, _) | (_, Health::Unknown) => !authoritative,
                        (_, health) => health == Health::Down,
                    };
                let expected = if goes_on { Ok("weak".to_owned()) } else { Err(DeniedKind::Unavailable) };
                let what = format!("{fails:?}, {health:?}, authoritative: {authoritative}, closed: {closed}");
                assert_eq!(login(&auth, "odd").await, expected, "{what}");
                assert_eq!(weak.asked(), u64::from(goes_on), "{what}");
                assert_eq!(login(&auth, "alice").await, Ok("picky".to_owned()), "{what}");
                assert_eq!(login(&auth, "nobody").await, Ok("weak".to_owned()), "{what}");
            }
        }
    }
}

/// One event says what happened, one that the attempt came to nothing.
#[tokio::test]
async fn an_undecided_attempt_is_told() {
    let events = Events::default();
    let picky = Picky { fails: BackendErrorKind::Undecided, health: Health::Unknown };
    let auth = Auth::builder().backend::<Password>("picky", Arc::new(picky)).observer(events.clone());
    let auth = auth.build().unwrap();
    assert!(login(&auth, "odd").await.is_err());
    let expected = [
        "the backend does not judge this attempt: odd by picky",
        "login unavailable: password of \"odd\" by picky",
    ];
    assert_eq!(events.take(), expected);
}
