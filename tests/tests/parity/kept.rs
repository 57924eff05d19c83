//! Users who are in no table: their sessions keep who they are elsewhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use auth_core::backend::{
    BackendError, DenyReason, Groups, Identity, MemoryDirectory, Outcome, Provisioned, provision_fn,
};
use auth_core::{Password, Secret, UserCache};
use integration_tests::accounts::Account;
use integration_tests::client::everywhere;
use integration_tests::site::Request;
use integration_tests::world::{Setup, weak_passwords};

/// A directory, and whether the application still wants its people.
#[derive(Clone)]
struct Directory {
    people: Arc<MemoryDirectory>,
    is_closed: Arc<AtomicBool>,
    is_down: Arc<AtomicBool>,
}

impl Directory {
    fn new() -> Self {
        let people = Arc::new(MemoryDirectory::new(weak_passwords()));
        Self { people, is_closed: Arc::default(), is_down: Arc::default() }
    }

    async fn say(&self, groups: &[&str]) {
        let zoe = Identity::new("directory", "zoe").with_groups(groups.iter().copied());
        self.people.insert(zoe, &Secret::new("zebra")).await.unwrap();
    }

    fn account(&self, identity: &Identity) -> Result<Outcome<Account>, BackendError> {
        if self.is_down.load(SeqCst) {
            return Err(BackendError::unavailable("the list of groups is not there"));
        }
        if self.is_closed.load(SeqCst) {
            return Ok(Outcome::Deny(DenyReason::NotPermitted));
        }
        let is_staff = matches!(identity.groups(), Groups::Known(groups) if groups.contains("staff"));
        let zoe = Account::new(1, identity.username());
        Ok(Outcome::Accept(if is_staff { zoe.may(&["members"]) } else { zoe }))
    }

    fn site(&self) -> Setup {
        let directory = self.clone();
        Setup::default().configure(move |auth| {
            let own = directory.clone();
            let users = provision_fn(move |identity: Identity| {
                let account = own.account(&identity);
                async move { account }
            });
            let verifier = Arc::clone(&directory.people);
            auth.login_page("/login")
                .cache_users(UserCache::new())
                .backend::<Password>("directory", Provisioned { verifier, users: users.keep_identity() })
        })
    }
}

#[tokio::test]
async fn a_session_keeps_who_its_user_is_elsewhere() {
    let directory = Directory::new();
    everywhere(directory.site(), async |mut client| {
        directory.say(&["staff"]).await;
        client.login("zoe", "zebra").await;
        assert_eq!(client.who().await, "zoe");
        assert_eq!(client.get("/members").await.status, 200);
        // What the directory says later is not heard of, whatever id the session has.
        directory.say(&["guests"]).await;
        let mut phone = client.another();
        phone.login("zoe", "zebra").await;
        for id in ["its own", "another", "of whom was changed"] {
            assert_eq!(client.get("/members").await.status, 200, "{id} at {}", client.site());
            assert_eq!(phone.get("/members").await.status, 403, "{id} at {}", client.site());
            let act = if id == "another" { "/act/rebind-to" } else { "/act/rotate" };
            let moved = client.post(act, &[("name", "zoe"), ("stamp", "stamp of zoe")]).await;
            assert!(moved.token().is_some(), "{moved:?}");
        }
        client.login("zoe", "zebra").await;
        assert_eq!(client.get("/members").await.status, 403, "the newest login says who it is");
        assert_eq!(client.get("/act/list").await.body, "2 1", "one session went on by it");
    })
    .await;
}

/// As for a user who is gone; and what cannot be found out is no refusal.
#[tokio::test]
async fn who_is_not_wanted_any_more_is_signed_out() {
    let directory = Directory::new();
    everywhere(directory.site(), async |mut client| {
        directory.say(&["staff"]).await;
        client.login("zoe", "zebra").await;
        client.world.events.take();
        directory.is_down.store(true, SeqCst);
        assert_eq!(client.send(Request::get("/who")).await.status, 503);
        directory.is_down.store(false, SeqCst);
        assert_eq!(client.who().await, "zoe");
        client.world.events.take();
        directory.is_closed.store(true, SeqCst);
        assert_eq!(client.who().await, "anonymous");
        assert_eq!(client.world.events.take(), ["session ended: UserGone by directory of 1"]);
        directory.is_closed.store(false, SeqCst);
        assert_eq!(client.who().await, "anonymous", "it does not come back");
        assert!(client.world.store.sessions.is_empty());
    })
    .await;
}

/// A password that is remembered stands for the same person, made anew.
#[tokio::test]
async fn basic_goes_by_what_was_said_when_it_was_judged() {
    let directory = Directory::new();
    everywhere(directory.site(), async |mut client| {
        directory.say(&["staff"]).await;
        let request = || Request::get("/members").basic("zoe", "zebra");
        assert_eq!(client.send(request()).await.status, 200);
        let runs = client.world.passwords.runs();
        assert_eq!(client.send(request()).await.status, 200);
        assert_eq!(client.world.passwords.runs(), runs, "no hash of any table");
        directory.is_closed.store(true, SeqCst);
        assert_ne!(client.send(request()).await.status, 200);
        directory.is_closed.store(false, SeqCst);
    })
    .await;
}
