//! Users whom a trusted proxy names in a header.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use auth_core::backend::{BackendError, DenyReason, Identity, Outcome, Provisioned, Provisioner, UserSource};
use auth_core::provisioning::Reports;
use auth_core::remote_user::{RemoteUser, RemoteUserHeader, RemoteUsers};
use auth_core::{MemoryBackend, UserId};
use integration_tests::accounts::Account;
use integration_tests::client::{Client, everywhere};
use integration_tests::expected::{SET_COOKIE, problem_body};
use integration_tests::faults::Mode;
use integration_tests::site::{Answer, Request};
use integration_tests::world::{ALICE, BOB, Setup, weak_passwords};

const PROXY: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 7));

fn header() -> RemoteUserHeader {
    RemoteUserHeader::new("X-Remote-User").and_then(|header| header.trusted_peer("10.0.0.7")).unwrap()
}

fn setup() -> Setup {
    Setup::default().remote_user(header())
}

/// The request as the proxy passes it on for this user.
fn named(name: &str, request: Request) -> Request {
    request.from(PROXY).with("x-remote-user", name)
}

async fn who(client: &mut Client<'_>, name: &str) -> String {
    client.send(named(name, Request::get("/who"))).await.body
}

#[tokio::test]
async fn without_a_name_nobody_is_known() {
    everywhere(setup(), async |mut client| {
        let absent = client.send(Request::get("/who").from(PROXY)).await;
        assert_eq!((absent.status, &*absent.body), (200, "anonymous"));
        assert_eq!(absent.one("vary"), "Authorization, Cookie, x-remote-user");
        for nobody in ["", " ", "(null)"] {
            assert_eq!(who(&mut client, nobody).await, "anonymous", "{nobody:?}");
        }
        let private = client.send(named("", Request::get("/private"))).await;
        assert_eq!(private.status, 401, "nobody was turned away");
        assert_eq!(client.world.events.take(), [""; 0]);
        assert!(client.world.store.sessions.is_empty());
    })
    .await;
}

/// Users by the names of a proxy, made when they first come.
struct Newcomers {
    users: Arc<MemoryBackend<Account>>,
    is_open: bool,
}

impl UserSource for Newcomers {
    type User = Account;

    async fn get_user(&self, id: &UserId) -> Result<Option<Account>, BackendError> {
        self.users.get_user(id).await
    }
}

impl Provisioner for Newcomers {
    async fn provision(&self, identity: Identity, _: &Reports) -> Result<Outcome<Account>, BackendError> {
        let name = identity.username();
        let id = 100 + i64::try_from(name.len()).unwrap_or_default();
        if let Some(known) = self.users.get_user(&UserId::from(id)).await? {
            return Ok(Outcome::Accept(known));
        }
        if !self.is_open {
            return Ok(Outcome::Deny(DenyReason::NotPermitted));
        }
        self.users.insert_without_password(name, Account::new(id, name));
        Ok(Outcome::Accept(Account::new(id, name)))
    }
}

fn with_newcomers(is_open: bool) -> (Setup, Arc<MemoryBackend<Account>>) {
    let users = Arc::new(MemoryBackend::new(weak_passwords()));
    let theirs = Arc::clone(&users);
    let setup = Setup::default().configure(move |auth| {
        let verifier = RemoteUsers::new("https://sso.example")
            .clean(|name| name.strip_suffix("@EXAMPLE.COM").map(str::to_lowercase));
        let users = Newcomers { users: Arc::clone(&theirs), is_open };
        let auth = auth.backend::<RemoteUser>("proxy", Provisioned { verifier, users });
        auth.login_page("/login").scheme(header())
    });
    (setup, users)
}

/// What the policy does with an identity is tested with the stores.
#[tokio::test]
async fn a_new_name_is_cleaned_and_becomes_a_user() {
    let (setup, users) = with_newcomers(true);
    everywhere(setup, async |mut client| {
        users.remove("zoe");
        assert_eq!(who(&mut client, "Zoe@EXAMPLE.COM").await, "zoe");
        users.change("zoe", |zoe| zoe.name = "known zoe".into());
        assert_eq!(who(&mut client, "Zoe@EXAMPLE.COM").await, "known zoe");
        assert_eq!(who(&mut client.another(), "zoe@EXAMPLE.COM").await, "known zoe");
        assert_eq!(who(&mut client.another(), "zoe@EVIL.EXAMPLE").await, "anonymous", "another realm");
    })
    .await;
}

#[tokio::test]
async fn where_nobody_is_created_a_new_name_is_nobody() {
    let (setup, _) = with_newcomers(false);
    everywhere(setup, async |mut client| {
        assert_eq!(who(&mut client, "zoe@EXAMPLE.COM").await, "anonymous");
        assert_eq!(client.send(named("zoe@EXAMPLE.COM", Request::get("/me"))).await.status, 403);
        assert!(client.world.store.sessions.is_empty());
    })
    .await;
}

/// The backends are asked when the session begins, and not again.
#[tokio::test]
async fn a_known_name_begins_one_session() {
    everywhere(setup(), async |mut client| {
        let world = client.world;
        let first = client.send(named("alice", Request::get("/me"))).await;
        assert_eq!((&*first.body, first.clone().masked().one("set-cookie")), ("1 alice", SET_COOKIE));
        assert_eq!(first.one("cache-control"), "no-store");
        let expected =
            ["login succeeded: remote-user of \"alice\" by proxy of 1", "session started by proxy of 1"];
        assert_eq!(world.events.take(), expected);
        for _ in 0..2 {
            let next = client.send(named("alice", Request::get("/me"))).await;
            assert_eq!((&*next.body, next.one("set-cookie")), ("1 alice", ""));
        }
        assert_eq!(world.events.take(), [""; 0]);
        world.users.judging.set(Mode::Fails);
        assert_eq!(who(&mut client, "alice").await, "alice", "nobody was asked");
        world.users.judging.set(Mode::Works);
        assert_eq!(who(&mut client.another(), "alice").await, "alice");
        assert_eq!(world.events.take(), expected, "another browser, another session");
    })
    .await;
}

/// The request that begins the session can use it, whatever asks first.
#[tokio::test]
async fn the_first_request_is_served_as_that_user() {
    everywhere(setup(), async |client| {
        for (target, body) in [("/private", "secret"), ("/members", "secret"), ("/me", "1 alice")] {
            let answer = client.another().send(named("alice", Request::get(target))).await;
            assert_eq!((&*answer.body, answer.token().is_some()), (body, true), "{target}");
        }
        let refused = client.another().send(named("carol", Request::get("/members"))).await;
        assert_eq!((refused.status, refused.token().is_some()), (403, true), "a user without the permission");
    })
    .await;
}

#[tokio::test]
async fn without_the_header_the_session_ends() {
    everywhere(setup(), async |mut client| {
        let world = client.world;
        who(&mut client, "alice").await;
        world.events.take();
        let gone = client.send(Request::get("/private").from(PROXY)).await;
        assert_eq!(gone.status, 401);
        assert_eq!(world.events.take(), ["session ended: RemoteUserGone by proxy of 1"]);
        assert!(world.store.sessions.is_empty());
        let old = client.jar.token().unwrap().to_owned();
        assert_eq!(who(&mut client, "alice").await, "alice", "and the header begins another");
        assert_ne!(client.jar.token().unwrap(), old);
        let elsewhere = |request: Request| request.from(Ipv4Addr::new(10, 0, 0, 8).into());
        let named = client.send(elsewhere(named("alice", Request::get("/who")))).await;
        assert_eq!((named.status, world.store.sessions.len()), (400, 1), "nobody's word ends a session");
        let past = client.send(elsewhere(Request::get("/who"))).await;
        assert_eq!(past.body, "anonymous", "past the proxy there is no header");
        assert!(world.store.sessions.is_empty());
    })
    .await;
}

/// A rotation keeps what the session depends on.
#[tokio::test]
async fn after_a_rotation_too() {
    everywhere(setup(), async |mut client| {
        who(&mut client, "alice").await;
        let rotated = client.send(named("alice", Request::post("/act/rotate", &[]))).await;
        assert_eq!((&*rotated.body, rotated.token().is_some()), ("rotated", true));
        client.world.events.take();
        assert_eq!(who(&mut client, "alice").await, "alice");
        assert_eq!(client.world.events.take(), [""; 0], "the same session");
        assert_eq!(client.send(Request::get("/who").from(PROXY)).await.body, "anonymous");
        assert!(client.world.store.sessions.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_persistent_session_goes_on_without_the_header() {
    everywhere(Setup::default().remote_user(header().persistent()), async |mut client| {
        who(&mut client, "alice").await;
        assert_eq!(client.send(Request::get("/who").from(PROXY)).await.body, "alice");
        assert_eq!(client.get("/who").await.body, "alice", "from anywhere");
        assert_eq!(who(&mut client, "bob").await, "bob", "and ends where another name comes");
    })
    .await;
}

#[tokio::test]
async fn where_no_header_is_configured_any_more_the_session_ends() {
    everywhere(setup(), async |mut client| {
        who(&mut client, "alice").await;
        let token = client.jar.token().unwrap();
        let both = |auth: auth_core::AuthBuilder<Account>| {
            auth.backend::<RemoteUser>("proxy", MemoryBackend::new(weak_passwords()))
        };
        let restarted = Setup::default().configure(both).restarted(client.world);
        let site = integration_tests::tower::Tower::new(&restarted);
        let answer = integration_tests::site::Site::send(&site, Request::get("/who").cookie(token)).await;
        assert_eq!(answer.body, "anonymous");
        assert_eq!(restarted.events.take(), ["session ended: RemoteUserGone by proxy of 1"]);
    })
    .await;
}

#[tokio::test]
async fn a_session_of_a_password_needs_no_header() {
    everywhere(setup(), async |mut client| {
        client.login("alice", ALICE).await;
        for request in
            [Request::get("/who"), Request::get("/who").from(PROXY), named("", Request::get("/who"))]
        {
            assert_eq!(client.send(request).await.body, "alice");
        }
    })
    .await;
}

/// CVE-2014-0482: the proxy says who it is now, and nothing of the other one is left.
#[tokio::test]
async fn another_name_is_another_session() {
    everywhere(setup(), async |mut client| {
        let world = client.world;
        let set = Request::post("/act/set", &[("name", "cart"), ("value", "apples")]);
        client.send(named("alice", set)).await;
        let alices = client.jar.token().unwrap().to_owned();
        world.events.take();
        assert_eq!(who(&mut client, "bob").await, "bob");
        let expected = [
            "login succeeded: remote-user of \"bob\" by proxy of 2",
            "session ended: RemoteUserChanged by proxy of 1",
            "session started by proxy of 2",
        ];
        assert_eq!(world.events.take(), expected);
        let cart = client.send(named("bob", Request::get("/act/get?name=cart"))).await;
        assert_eq!(cart.body, "-", "alice's data is gone");
        assert_eq!(world.store.sessions.len(), 1);
        let old = client.bare(named("alice", Request::get("/act/get?name=cart")).cookie(&alices)).await;
        assert_eq!(old.body, "-", "and her session does not come back");
    })
    .await;
}

/// The proxy outranks a password, whoever it names: the request is never served as the one who is gone.
#[tokio::test]
async fn a_name_replaces_a_session_of_a_password() {
    for name in ["alice", "bob"] {
        everywhere(setup(), async |mut client| {
            client.login("alice", ALICE).await;
            client.post("/act/set", &[("name", "cart"), ("value", "apples")]).await;
            assert_eq!(who(&mut client, name).await, name);
            assert_eq!(client.world.store.sessions.len(), 1);
            let cart = client.send(named(name, Request::get("/act/get?name=cart"))).await;
            assert_eq!(cart.body, "-", "the proxy's {name} is another backend's user");
            client.login("bob", BOB).await;
            assert_eq!(client.get("/who").await.body, "bob", "a password begins an ordinary session");
        })
        .await;
    }
}

/// The proxy knows them and this site does not let them in: that is 403, and no way to a login page.
#[tokio::test]
async fn who_is_refused_is_nobody_and_told_so() {
    everywhere(setup(), async |mut client| {
        for (name, why) in [("dora", "Denied(Disabled) by proxy"), ("mallory", "UnknownUser by proxy")] {
            client.world.events.take();
            assert_eq!(who(&mut client, name).await, "anonymous", "{name}");
            let failed = format!("login failed: remote-user of {name:?}: {why}");
            assert_eq!(client.world.events.take(), [failed]);
            for target in ["/private", "/me", "/members", "/fresh"] {
                let page = client.send(named(name, Request::get(target)).navigating()).await;
                assert_eq!((page.status, page.one("location")), (403, ""), "{name} at {target}");
                assert_eq!(client.send(named(name, Request::get(target))).await.status, 403, "{target}");
            }
        }
        let nobody = client.send(Request::get("/private").from(PROXY).navigating()).await;
        assert_eq!(nobody.status, 303, "nobody at all is sent to the login");
        assert!(client.world.store.sessions.is_empty());
    })
    .await;
}

/// Not even one that has begun, their own or another's.
#[tokio::test]
async fn who_is_refused_keeps_no_session() {
    everywhere(setup(), async |mut client| {
        let world = client.world;
        who(&mut client, "bob").await;
        world.users.users.change("bob", |bob| bob.active = false);
        world.events.take();
        assert_eq!(who(&mut client, "bob").await, "anonymous");
        let failed = "login failed: remote-user of \"bob\": Denied(Disabled) by proxy";
        assert_eq!(world.events.take(), ["session ended: UserDisabled by proxy of 2", failed]);
        assert_eq!(client.send(named("bob", Request::get("/private"))).await.status, 403);
        for first in ["alice", "a password"] {
            if first == "alice" {
                who(&mut client, "alice").await;
            } else {
                client.login("alice", ALICE).await;
            }
            world.events.take();
            assert_eq!(who(&mut client, "dora").await, "anonymous", "{first}");
            assert!(world.events.take().iter().any(|event| event.contains("RemoteUserChanged")), "{first}");
            assert!(world.store.sessions.is_empty(), "{first}");
        }
    })
    .await;
}

/// A changed stamp ends the session, and the proxy still vouches: another begins.
#[tokio::test]
async fn a_changed_stamp_is_judged_anew() {
    everywhere(setup(), async |mut client| {
        let world = client.world;
        who(&mut client, "bob").await;
        world.users.users.change("bob", |bob| bob.stamp = b"new".to_vec());
        world.events.take();
        assert_eq!(who(&mut client, "bob").await, "bob");
        let expected = [
            "session ended: StampChanged by proxy of 2",
            "login succeeded: remote-user of \"bob\" by proxy of 2",
            "session started by proxy of 2",
        ];
        assert_eq!(world.events.take(), expected);
        assert_eq!(world.store.sessions.len(), 1);
    })
    .await;
}

/// The session begins inside the POST; another site's page begins none.
#[tokio::test]
async fn the_first_request_may_be_a_post_of_our_own_page() {
    everywhere(setup(), async |mut client| {
        let post = || Request::post("/act/set", &[("name", "cart"), ("value", "pears")]);
        for site in ["cross-site", "same-site"] {
            let refused = client.send(named("alice", post()).with("sec-fetch-site", site)).await;
            assert_eq!((refused.status, refused.token()), (403, None), "{site}");
        }
        assert!(client.world.store.sessions.is_empty());
        let done = client.send(named("alice", post()).with("sec-fetch-site", "same-origin")).await;
        assert_eq!((done.status, done.token().is_some()), (200, true));
        let cart = client.send(named("alice", Request::get("/act/get?name=cart"))).await;
        assert_eq!(cart.body, "pears");
        let refused = client.send(named("alice", post()).with("sec-fetch-site", "cross-site")).await;
        assert_eq!(refused.status, 403, "with the session as well");
    })
    .await;
}

/// Whoever is not the proxy names nobody, and handlers do not see the header either.
#[tokio::test]
async fn the_header_of_somebody_else_is_refused() {
    everywhere(setup(), async |mut client| {
        let told = "a request with a user's name in a header came from a peer that is not trusted, and was \
                    refused: if it is the proxy, name it by `RemoteUserHeader::trusted_peer`";
        let peers: [Option<IpAddr>; 3] =
            [None, Some(Ipv4Addr::new(10, 0, 0, 8).into()), Some(Ipv4Addr::LOCALHOST.into())];
        for peer in peers {
            let send = |target: &str| {
                let request =
                    Request::get(target).with("x-remote-user", "alice").with("x_remote_user", "alice");
                peer.into_iter().fold(request.with("x-other", "1"), Request::from)
            };
            client.world.events.take();
            for target in ["/", "/who", "/headers"] {
                let answer = client.send(send(target)).await;
                assert_eq!((answer.status, answer.body), (400, problem_body(400)), "{peer:?}");
                assert_eq!(client.world.events.take(), [told], "{peer:?}");
            }
        }
        assert!(client.world.store.sessions.is_empty());
        let seen = client.probe(named("alice", Request::get("/headers")).with("x-other", "1")).await;
        assert_eq!(seen.body, "x-other x-remote-user");
    })
    .await;
}

fn without_cookie(answer: &Answer) -> bool {
    answer.all("set-cookie").is_empty()
}

/// An outage is neither a refusal nor a logout.
#[tokio::test]
async fn what_cannot_be_decided_is_a_503() {
    everywhere(setup(), async |mut client| {
        let world = client.world;
        world.users.judging.set(Mode::Fails);
        let new = client.send(named("alice", Request::get("/me"))).await;
        assert_eq!((new.status, without_cookie(&new)), (503, true));
        world.users.judging.set(Mode::Works);
        assert_eq!(who(&mut client, "alice").await, "alice");
        world.users.judging.set(Mode::Fails);
        let other = client.send(named("bob", Request::get("/me"))).await;
        assert_eq!((other.status, without_cookie(&other)), (503, true));
        assert_eq!(who(&mut client, "alice").await, "alice", "the session is still there");
        world.users.judging.set(Mode::Works);
        world.store.writes.set(Mode::Fails);
        let unsaved = client.another().send(named("carol", Request::get("/me"))).await;
        assert_eq!((unsaved.status, without_cookie(&unsaved)), (503, true));
        world.store.reads.set(Mode::Fails);
        assert_eq!(client.send(named("alice", Request::get("/me"))).await.status, 503);
    })
    .await;
}

/// Two ways to say who it is are one too many.
#[tokio::test]
async fn a_name_and_credentials_are_refused() {
    everywhere(setup(), async |mut client| {
        let both = client.send(named("alice", Request::get("/who")).basic("alice", ALICE)).await;
        assert_eq!((both.status, both.token()), (400, None));
        who(&mut client, "alice").await;
        let basic = client.send(Request::get("/who").from(PROXY).basic("bob", BOB)).await;
        assert_eq!(basic.body, "bob", "the session of the header is over, and contradicts nobody");
        assert!(client.world.store.sessions.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_logout_ends_the_session_and_the_header_begins_another() {
    everywhere(setup(), async |mut client| {
        who(&mut client, "alice").await;
        let out = client.send(named("alice", Request::post("/logout", &[]))).await;
        assert_eq!(out.status, 303);
        assert!(client.world.store.sessions.is_empty());
        assert_eq!(client.jar.token(), None);
        assert_eq!(who(&mut client, "alice").await, "alice");
        let fresh = client.another().send(named("alice", Request::post("/logout", &[]))).await;
        assert_eq!((fresh.status, client.world.store.sessions.len()), (303, 1), "the one it began is gone");
    })
    .await;
}
