//! A backend that accepts the users of another one: sessions, events and refusals are of whose user it is.

use std::sync::{Arc, Mutex};

use auth_core::backend::DeclineReason;
use auth_core::backend::{Accepted, Attempt, Backend, BackendError, DenyReason, Outcome, UserSource};
use auth_core::conformance::client::Browser;
use auth_core::event::{Event, Observer};
use auth_core::grant::{Factor, Grant};
use auth_core::session::{KeyRing, MemorySessions, SessionConfig};
use auth_core::{Auth, BackendName, BearerToken, Credentials, DeniedKind, RequestFacts, User, UserId};

#[derive(Clone)]
struct Account {
    id: UserId,
    is_active: bool,
}

impl User for Account {
    fn id(&self) -> UserId {
        self.id.clone()
    }

    fn security_stamp(&self) -> &[u8] {
        b"stamp"
    }

    fn is_active(&self) -> bool {
        self.is_active
    }
}

/// A place with one user, who may leave it.
struct Place {
    user: Mutex<Option<Account>>,
    asked: Mutex<Vec<UserId>>,
}

impl Place {
    fn with(id: i64) -> Arc<Self> {
        let user = Account { id: UserId::from(id), is_active: true };
        Arc::new(Self { user: Mutex::new(Some(user)), asked: Mutex::default() })
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

impl UserSource for Place {
    type User = Account;

    async fn get_user(&self, id: &UserId) -> Result<Option<Account>, BackendError> {
        self.asked.lock().unwrap().push(id.clone());
        Ok(self.user.lock().unwrap().clone().filter(|user| user.id == *id))
    }
}

impl Backend<BearerToken> for Place {
    async fn authenticate(
        &self,
        _: &Attempt<'_, BearerToken>,
    ) -> Result<Outcome<Accepted<Account>>, BackendError> {
        Ok(Outcome::Decline(DeclineReason::UnknownUser))
    }
}

/// What proves who somebody is, and has no users.
struct Badge;

impl Credentials for Badge {
    const KIND: &'static str = "badge";
    const FACTOR: Factor = Factor::Passkey;

    fn subject(&self) -> Option<&str> {
        None
    }

    fn check(&self) -> Result<(), DeclineReason> {
        Ok(())
    }
}

/// Accepts user 7 of whichever backend it is told.
struct Reader {
    owner: &'static str,
    is_active: bool,
    own: Arc<Place>,
}

impl UserSource for Reader {
    type User = Account;

    async fn get_user(&self, id: &UserId) -> Result<Option<Account>, BackendError> {
        self.own.get_user(id).await
    }
}

impl Backend<Badge> for Reader {
    async fn authenticate(&self, _: &Attempt<'_, Badge>) -> Result<Outcome<Accepted<Account>>, BackendError> {
        let user = Account { id: UserId::from(7), is_active: self.is_active };
        let accepted = Accepted::new(user, Grant::new());
        Ok(Outcome::Accept(accepted.of_backend(BackendName::new(self.owner).unwrap())))
    }
}

#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Observer for Told {
    fn on_event(&self, event: &Event<'_>) {
        let backend = event.backend.map_or("-", BackendName::as_str);
        self.0.lock().unwrap().push(format!("{backend}: {}", event.kind));
    }
}

struct Site {
    auth: Auth<Account>,
    local: Arc<Place>,
    own: Arc<Place>,
    told: Arc<Told>,
}

fn site(owner: &'static str, is_active: bool) -> Site {
    let (local, own, told) = (Place::with(7), Place::with(7), Arc::new(Told::default()));
    let config = SessionConfig::new(KeyRing::generate().unwrap()).insecure_cookies();
    let auth = Auth::builder()
        .backend("reader", Reader { owner, is_active, own: Arc::clone(&own) })
        .backend::<BearerToken>("local", Arc::clone(&local))
        .sessions(MemorySessions::new(10), config)
        .observer(Arc::clone(&told))
        .build()
        .unwrap();
    Site { auth, local, own, told }
}

#[tokio::test]
async fn a_session_is_of_the_backend_whose_user_it_has() {
    let Site { auth, local, own, told } = site("local", true);
    let mut browser = Browser::new("test");
    browser.log_in(&auth, Badge).await;
    assert!(browser.is_logged_in(&auth).await);
    assert_eq!((local.asked(), own.asked()), (1, 0), "the owner's backend alone is asked");
    let events = told.0.lock().unwrap().clone();
    assert_eq!(events[..2], ["local: login succeeded: badge", "local: session started"]);
    *local.user.lock().unwrap() = None;
    assert!(!browser.is_logged_in(&auth).await, "whatever user 7 of another backend is");
}

#[tokio::test]
async fn a_backend_that_is_not_there_has_no_users() {
    for owner in ["Local", "gone"] {
        let Site { auth, told, .. } = site(owner, true);
        let denied = auth.authenticate(Badge, &RequestFacts::none()).await.unwrap_err();
        assert_eq!(denied.kind(), DeniedKind::Denied(DenyReason::NotPermitted));
        assert_eq!(denied.backend().map(BackendName::as_str), Some("reader"));
        let events = told.0.lock().unwrap().clone();
        assert_eq!(events, ["reader: login failed: badge: Denied(NotPermitted)"]);
    }
}

#[tokio::test]
async fn whoever_is_disabled_is_refused_whosever_user_they_are() {
    let Site { auth, .. } = site("local", false);
    let denied = auth.authenticate(Badge, &RequestFacts::none()).await.unwrap_err();
    assert_eq!(denied.kind(), DeniedKind::Denied(DenyReason::Disabled));
}
