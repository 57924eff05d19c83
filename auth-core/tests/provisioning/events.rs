//! What observers hear of provisioning.

use std::sync::{Arc, Mutex};

use auth_core::backend::{DenyReason, Email, Identity, MemoryDirectory, Provisioned};
use auth_core::conformance::provisioning::Site;
use auth_core::event::{Event, EventKind, Observer};
use auth_core::password::Argon2Cost;
use auth_core::provisioning::{AttributeRule, Owner, Provisioning, Right};
use auth_core::{Auth, DeniedKind, Password, Passwords, RequestFacts, Secret};

use crate::memory::{Memory, Person};

/// Keeps events as texts.
#[derive(Clone, Default)]
pub(crate) struct Heard(Arc<Mutex<Vec<String>>>);

impl Observer for Heard {
    fn on_event(&self, event: &Event<'_>) {
        let user = event.user.map_or("-".into(), ToString::to_string);
        self.0.lock().unwrap().push(format!("{user} {}", event.kind));
        if let EventKind::UserCreated(changed) | EventKind::UserUpdated(changed) = &event.kind {
            assert!(event.backend.is_some() && !format!("{changed:?}").contains("canary"));
        }
    }
}

impl Heard {
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

pub(crate) fn passwords() -> Passwords {
    let cost = Argon2Cost::dangerous_weak(16, 1, 1).unwrap();
    Passwords::builder()
        .cost(cost)
        .threads(1)
        .queue(100)
        .wait(std::time::Duration::from_secs(120))
        .build()
        .unwrap()
}

async fn site(store: &Memory, person: Identity) -> (Auth<Person>, Heard) {
    let directory = MemoryDirectory::new(passwords());
    directory.insert(person, &Secret::new("wonderland")).await.unwrap();
    let admin = Right::permission("admin");
    let policy = Provisioning::builder()
        .attribute("phone", AttributeRule::of("tel"))
        .email(Owner::External)
        .link_by_verified_email()
        .grant("admins", admin.clone())
        .guard_last(admin.clone())
        .allow_raising(admin);
    let users = policy.build().unwrap().on(store.clone()).unwrap();
    let heard = Heard::default();
    let auth = Auth::builder().backend::<Password>("directory", Provisioned { verifier: directory, users });
    (auth.observer(heard.clone()).build().unwrap(), heard)
}

async fn log_in(auth: &Auth<Person>) -> Option<DeniedKind> {
    let login = Password::new("alice", "wonderland");
    auth.authenticate(login, &RequestFacts::none()).await.err().map(|denied| denied.kind())
}

fn alice() -> Identity {
    Identity::new("ldap", "uid=alice").with_username("alice").with_verified_email("canary@example.org")
}

#[tokio::test]
async fn events_say_what_changed_and_no_value() {
    let store = Memory::new(None);
    let (auth, heard) = site(&store, alice().with_attribute("tel", "canary").with_groups(["admins"])).await;
    assert_eq!(log_in(&auth).await, None);
    assert_eq!(
        heard.take(),
        ["1 user created: phone, email, +permission \"admin\"", "1 login succeeded: password of \"alice\""]
    );
    assert_eq!(log_in(&auth).await, None);
    assert_eq!(heard.take(), ["1 login succeeded: password of \"alice\""]);
    let none: [&str; 0] = [];
    let (auth, heard) = site(&store, alice().with_attribute("tel", "canary 2").with_groups(none)).await;
    assert_eq!(log_in(&auth).await, None);
    assert_eq!(
        heard.take(),
        [
            "1 user updated: phone",
            "1 user not updated completely: permission \"admin\" is kept: no other active user holds it",
            "1 login succeeded: password of \"alice\""
        ]
    );
}

/// 50 first logins at once are 50 successes, and one creation.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_first_logins_are_one_creation() {
    let store = Memory::new(None);
    let (auth, heard) = site(&store, alice().with_groups(["admins"])).await;
    let logins: Vec<_> = (0..50)
        .map(|_| {
            let auth = auth.clone();
            tokio::spawn(async move { log_in(&auth).await })
        })
        .collect();
    for login in logins {
        assert_eq!(login.await.unwrap(), None);
    }
    let heard = heard.take();
    let count = |what: &str| heard.iter().filter(|event| event.contains(what)).count();
    assert_eq!((count("user created"), count("login succeeded"), heard.len()), (1, 50, 51));
}

/// Who got a new way in is told.
#[tokio::test]
async fn a_link_is_told() {
    let store = Memory::new(None);
    let (auth, heard) = site(&store, alice().with_groups(["admins"])).await;
    store.register("al", Email { address: "canary@example.org".into(), verified: true }).await.unwrap();
    assert_eq!(log_in(&auth).await, None);
    assert_eq!(heard.take()[0], "1 user updated: linked, +permission \"admin\"");
}

#[tokio::test]
async fn refusals_have_a_reason() {
    let store = Memory::new(None);
    let (auth, heard) = site(&store, alice().with_groups(["admins"])).await;
    store.register("al", Email { address: "canary@example.org".into(), verified: false }).await.unwrap();
    assert_eq!(log_in(&auth).await, Some(DeniedKind::Denied(DenyReason::EmailTaken)));
    assert_eq!(heard.take(), ["- login failed: password of \"alice\": Denied(EmailTaken)"]);
    let (auth, heard) = site(&store, alice()).await;
    store.people().clear();
    assert_eq!(log_in(&auth).await, Some(DeniedKind::Unavailable), "the groups are unknown");
    assert_eq!(heard.take().len(), 2, "a failed backend, and an attempt that could not be judged");
    assert!(store.people().is_empty());
}
