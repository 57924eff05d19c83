//! People of a directory who sign in by a chain, and are confirmed while they are signed in.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use auth_core::backend::{
    Attempt, BackendError, Confirm, Confirmation, DeclineReason, DenyReason, Identity, Outcome, Provisioned,
    Standing, UserSource, Verifier,
};
use auth_core::conformance::client::Browser;
use auth_core::event::{Event, EventKind, Observer};
use auth_core::provisioning::{AttributeRule, Provisioning, Right};
use auth_core::session::{KeyRing, SessionConfig};
use auth_core::time::{Clock, ManualClock, SystemClock};
use auth_core::{Auth, AuthBuilder, Password, RequestFacts, User};
use auth_sql::{SqlSessions, SqlUser};

use super::site::Site;
use super::{LDAP, identity};
use crate::support::{LIMIT, PATIENT, Place};

/// Admits every user that it knows, with any password.
#[derive(Clone, Default)]
struct Directory(Arc<Mutex<BTreeMap<String, Standing>>>);

impl Directory {
    fn set(&self, subject: &str, standing: Standing) {
        self.0.lock().unwrap().insert(subject.into(), standing);
    }

    fn standing(&self, subject: &str) -> Standing {
        self.0.lock().unwrap().get(subject).cloned().unwrap_or(Standing::Gone)
    }
}

impl Verifier<Password> for Directory {
    async fn verify(&self, attempt: &Attempt<'_, Password>) -> Result<Outcome<Identity>, BackendError> {
        Ok(match self.standing(attempt.credentials().username()) {
            Standing::Good(identity) => Outcome::Accept(identity),
            Standing::Refused(reason) => Outcome::Deny(reason),
            Standing::Gone => Outcome::Decline(DeclineReason::UnknownUser),
        })
    }
}

impl Confirm for Directory {
    async fn confirm(&self, issuer: &str, subject: &str) -> Result<Standing, BackendError> {
        assert_eq!(issuer, LDAP);
        Ok(self.standing(subject))
    }
}

/// Keeps what became of users.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<String>>>);

impl Heard {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Observer for Heard {
    fn on_event(&self, event: &Event<'_>) {
        if !matches!(event.kind, EventKind::SessionStarted) {
            self.0.lock().unwrap().push(event.kind.to_string());
        }
    }
}

fn alice(phone: &str, groups: &[&str]) -> Identity {
    identity("alice", "alice").with_attribute("tel", phone).with_groups(groups.iter().copied())
}

fn policy() -> Provisioning {
    let policy = Provisioning::builder().attribute("phone", AttributeRule::of("tel"));
    policy.grant("readers", Right::permission("read")).build().unwrap()
}

type Staff = Provisioned<Directory, auth_core::provisioning::ProvisionedUsers<auth_sql::SqlUsers>>;

fn site(site: &Site, directory: &Directory, heard: &Heard) -> (AuthBuilder<SqlUser>, Arc<Staff>) {
    let users = policy().on(site.users.clone()).unwrap();
    let staff = Arc::new(Provisioned { verifier: directory.clone(), users });
    let auth = Auth::builder().chain_timeout(LIMIT);
    let auth = auth.backend_with::<Password>("staff", Arc::clone(&staff), PATIENT).observer(heard.clone());
    (auth, staff)
}

/// 50 first logins of one person at once: one row, 50 successes, one event that says so.
pub(super) async fn parallel_first_logins_make_one_user(place: &Place) {
    let (here, directory, heard) = (Site::new(place).await, Directory::default(), Heard::default());
    directory.set("alice", Standing::Good(alice("1", &["readers"])));
    let auth = site(&here, &directory, &heard).0.build().unwrap();
    let start = Arc::new(tokio::sync::Barrier::new(50));
    let first_login = |_| {
        let (auth, start) = (auth.clone(), start.clone());
        tokio::spawn(async move {
            start.wait().await;
            auth.authenticate(Password::new("alice", "any"), &RequestFacts::none()).await.unwrap().user().id()
        })
    };
    let mut ids = Vec::new();
    for task in (0..50).map(first_login).collect::<Vec<_>>() {
        ids.push(task.await.unwrap());
    }
    ids.dedup();
    assert_eq!((ids.len(), here.db.count("SELECT count(*) FROM auth_users").await), (1, 1));
    let mut heard = heard.take();
    heard.retain(|event| event != "login succeeded: password of \"alice\"");
    assert_eq!(heard, ["user created: phone, +permission \"read\""]);
    assert!(here.users.get_user(&ids[0]).await.unwrap().unwrap().has_permission("read"));
}

/// What the directory says at the next confirmation is in the tables after it.
pub(super) async fn a_confirmation_reaches_the_tables(place: &Place) {
    const EVERY: Duration = Duration::from_mins(15);
    let (here, directory, heard) = (Site::new(place).await, Directory::default(), Heard::default());
    let sessions = SqlSessions::new(here.db.database());
    sessions.migrate().await.unwrap();
    let clock = Arc::new(ManualClock::at(SystemClock.now()));
    let (auth, staff) = site(&here, &directory, &heard);
    let auth = auth
        .confirm("staff", staff, Confirmation::every(EVERY))
        .sessions(sessions, SessionConfig::new(KeyRing::generate().unwrap()).store_timeouts(LIMIT, LIMIT))
        .clock(Arc::clone(&clock))
        .build()
        .unwrap();
    directory.set("alice", Standing::Good(alice("1", &["readers"])));
    let (mut desk, mut phone) = (Browser::new("desk"), Browser::new("phone"));
    desk.log_in(&auth, Password::new("alice", "any")).await;
    phone.log_in(&auth, Password::new("alice", "any")).await;
    heard.take();

    directory.set("alice", Standing::Good(alice("2", &[])));
    clock.advance(EVERY);
    assert!(desk.is_logged_in(&auth).await);
    assert_eq!(heard.take(), ["user updated: phone, -permission \"read\""]);
    assert_eq!(here.db.text("SELECT phone FROM auth_users").await, "2");
    assert_eq!(here.db.count("SELECT count(*) FROM auth_user_permissions").await, 0);
    assert!(phone.is_logged_in(&auth).await && desk.is_logged_in(&auth).await);

    directory.set("alice", Standing::Refused(DenyReason::Locked));
    clock.advance(EVERY);
    assert!(!desk.is_logged_in(&auth).await);
    assert_eq!(here.db.count("SELECT count(*) FROM auth_sessions").await, 0, "also at the phone");
    assert!(!phone.is_logged_in(&auth).await);
    assert_eq!(heard.take(), ["session ended: NotConfirmed(Some(Locked))"]);

    directory.set("alice", Standing::Good(alice("2", &[])));
    desk.clone_from(&Browser::new("desk"));
    desk.log_in(&auth, Password::new("alice", "any")).await;
    here.db.execute("UPDATE auth_users SET issuer = NULL, subject = NULL").await.unwrap();
    clock.advance(EVERY);
    assert!(!desk.is_logged_in(&auth).await, "whose link was removed");
    assert_eq!(here.db.count("SELECT count(*) FROM auth_users").await, 1, "and nobody is made");
}
