//! A store that fails in the middle of something: nothing is handed out before the last step that can fail, and
//! nothing stays behind that nobody was given.
//!
//! Each thing that a request can do to a session is done with every call of the store struck in turn.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use auth_core::remote_user::RemoteUserHeader;
use auth_core::session::SessionStore;
use auth_core::time::Clock;
use integration_tests::client::{Client, everywhere};
use integration_tests::faults::{Fault, Mode};
use integration_tests::site::{Answer, Request};
use integration_tests::world::{ALICE, BOB, Setup};
use tokio::task::yield_now;
use tokio::time;

const PROXY: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 7));
/// How often sessions get a new id, where they do by themselves.
const EVERY: Duration = Duration::from_secs(30 * 60);

/// What a browser does, in which state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    /// By nobody.
    Login,
    /// Of who is logged in already.
    LoginAgain,
    /// Of somebody else than who is logged in.
    LoginOver,
    /// With a session more than a user may have.
    LoginTooMany,
    /// That keeps a value in the new session, too.
    LoginAndSet,
    /// As a proxy names somebody for the first time.
    Named,
    /// As a proxy names somebody else.
    NamedAnew,
    Rotate,
    Rebind,
    /// A page, when the id is old.
    Renew,
    Touch,
    Set,
    Others,
    Logout,
}

fn named(name: &str, request: Request) -> Request {
    request.from(PROXY).with("x-remote-user", name)
}

fn login(username: &str, password: &str) -> Request {
    Request::post("/login", &[("username", username), ("password", password)])
}

impl Deed {
    fn setup(self) -> Setup {
        let header = RemoteUserHeader::new("X-Remote-User").unwrap().trusted_peer("10.0.0.7").unwrap();
        match self {
            Self::Named | Self::NamedAnew => Setup::default().remote_user(header),
            Self::Renew => Setup::default().sessions(|sessions| sessions.rotate_every(EVERY)),
            Self::LoginTooMany => Setup::default().sessions(|sessions| sessions.max_per_user(2)),
            _ => Setup::default(),
        }
    }

    /// What comes before: the tokens that browsers then have, this one's first, if it has any.
    async fn prepare(self, client: &mut Client<'_>) -> Vec<String> {
        let mut tokens = Vec::new();
        match self {
            Self::Login | Self::LoginAndSet | Self::Named => return tokens,
            Self::NamedAnew => {
                let answer = client.send(named("bob", Request::get("/who"))).await;
                return vec![answer.token().expect("a session")];
            }
            Self::LoginOver => tokens.push(client.login("bob", BOB).await),
            _ => tokens.push(client.login("alice", ALICE).await),
        }
        client.post("/act/set", &[("name", "cart"), ("value", "apples")]).await;
        if matches!(self, Self::LoginTooMany | Self::Others) {
            client.world.clock.advance(Duration::from_secs(1));
            tokens.push(client.another().login("alice", ALICE).await);
        }
        client.world.clock.advance(match self {
            Self::Renew => EVERY,
            Self::Touch => Duration::from_secs(90),
            _ => Duration::from_secs(30),
        });
        tokens
    }

    fn request(self, tokens: &[String]) -> Request {
        let request = match self {
            Self::Login | Self::LoginAgain | Self::LoginOver | Self::LoginTooMany => login("alice", ALICE),
            Self::LoginAndSet => Request::post(
                "/act/login-and-set",
                &[("username", "alice"), ("password", ALICE), ("name", "cart"), ("value", "pears")],
            ),
            Self::Named | Self::NamedAnew => named("alice", Request::get("/who")),
            Self::Rotate => Request::post("/act/rotate", &[]),
            Self::Rebind => Request::post("/act/password", &[("new", "looking-glass")]),
            Self::Renew | Self::Touch => Request::get("/who"),
            Self::Set => Request::post("/act/set", &[("name", "a"), ("value", "b")]),
            Self::Others => Request::post("/act/others", &[]),
            Self::Logout => Request::post("/logout", &[]),
        };
        match tokens.first() {
            // A browser more.
            Some(_) if self == Self::LoginTooMany => request,
            Some(token) => request.cookie(token),
            None => request,
        }
    }

    /// Whether the session that was there may be over, though the store did nothing of what it failed at.
    fn ends_the_old(self, changes_password: bool) -> bool {
        self == Self::Logout || self == Self::Rebind && changes_password
    }
}

/// How the store fails, and whether the client waits for the answer.
const FAULTS: [(Fault, bool); 6] = [
    (Fault::Fails, true),
    (Fault::Hangs, true),
    (Fault::Hangs, false),
    (Fault::LosesAnswer, true),
    (Fault::HangsAfter, true),
    (Fault::HangsAfter, false),
];

/// Sends a request; `None` if its client went away when the store hung.
async fn send(client: &Client<'_>, request: Request, waits: bool) -> Option<Answer> {
    let answer = client.probe(request);
    tokio::pin!(answer);
    tokio::select! {
        answer = &mut answer => return Some(answer),
        stuck = client.world.store.stuck.acquire() => stuck.unwrap().forget(),
    }
    if !waits {
        return None;
    }
    time::pause();
    let answer = answer.await;
    time::resume();
    Some(answer)
}

/// Lets everything be done that is still to be done.
async fn settle() {
    time::pause();
    time::sleep(Duration::from_secs(300)).await;
    time::resume();
}

/// Whom a token signs in, and their cart.
async fn opened(client: &Client<'_>, deed: Deed, token: &str) -> Option<(String, String)> {
    let ask = |target: &str| {
        let request = Request::get(target).cookie(token);
        match deed {
            Deed::Named => named("alice", request),
            _ => request,
        }
    };
    let who = client.probe(ask("/who")).await;
    let cart = client.probe(ask("/act/get?name=cart")).await;
    (who.body != "anonymous").then_some((who.body, cart.body))
}

/// Does the deed with this call struck; false if there are not so many.
async fn struck(client: &mut Client<'_>, deed: Deed, call: u64, (fault, waits): (Fault, bool)) -> bool {
    let what = format!("{deed:?} at {}, call {call} {fault:?}, waits {waits}", client.site());
    let store = &client.world.store;
    let tokens = deed.prepare(client).await;
    let before = store.sessions.len();
    store.strike(call, fault);
    let got = send(client, deed.request(&tokens), waits).await;
    if !store.has_struck() {
        return false;
    }
    settle().await;
    let new = got.as_ref().and_then(Answer::token);
    let failed = got.as_ref().is_none_or(|got| got.status >= 500);
    let status = got.as_ref().map(|got| got.status);
    assert!(status.is_none_or(|status| status < 400 || status == 503), "{what}: {got:?}");
    assert!(!failed || new.is_none(), "{what}: a failure hands out a session: {got:?}");
    is_whole(client, deed, &what, (&tokens, new.as_deref(), failed, fault), before).await;
    true
}

/// Whoever holds a token has a session or none, and no session is nobody's.
async fn is_whole(
    client: &Client<'_>,
    deed: Deed,
    what: &str,
    (tokens, new, failed, fault): (&[String], Option<&str>, bool, Fault),
    before: usize,
) {
    let store = &client.world.store;
    if matches!(deed, Deed::NamedAnew) {
        // Without its name, a session of a proxy's ends.
        let held = usize::from(new.is_some() || failed);
        assert!(store.sessions.len() <= held, "{what}: {} records", store.sessions.len());
        return;
    }
    let mut alive = 0;
    // The grace of an old id is over.
    client.world.clock.advance(Duration::from_secs(11));
    for token in tokens.iter().map(String::as_str).chain(new) {
        alive += usize::from(opened(client, deed, token).await.is_some());
    }
    let unknown = matches!(fault, Fault::HangsAfter) && deed == Deed::Renew && failed;
    assert!(alive == store.sessions.len() || unknown, "{what}: {alive} of {}", store.sessions.len());
    if let Some(new) = new {
        let (who, _) = opened(client, deed, new).await.unwrap_or_else(|| panic!("{what}: no session"));
        assert_eq!(who, "alice", "{what}");
    }
    let is_undone = matches!(fault, Fault::Fails | Fault::Hangs);
    if failed && is_undone && !deed.ends_the_old(true) {
        assert_eq!(store.sessions.len(), before, "{what}: as it was");
        for token in tokens {
            let (_, cart) = opened(client, deed, token).await.unwrap_or_else(|| panic!("{what}: it is over"));
            assert!(cart == "apples" || Some(token) != tokens.first(), "{what}: {cart}");
        }
    }
    if !failed && new.is_none() && deed != Deed::Logout {
        assert!(opened(client, deed, &tokens[0]).await.is_some(), "{what}: the session goes on");
    }
}

async fn sweep(deed: Deed) {
    for fault in FAULTS {
        for call in 0.. {
            let reached = std::sync::atomic::AtomicU32::new(0);
            everywhere(deed.setup(), async |mut client| {
                let again = struck(&mut client, deed, call, fault).await;
                reached.fetch_add(u32::from(again), std::sync::atomic::Ordering::Relaxed);
            })
            .await;
            if reached.into_inner() == 0 {
                assert!(call > 0, "{deed:?} asks the store");
                break;
            }
        }
    }
}

/// The login was done, and the client goes away before the answer is made: nobody has the session, whichever id it has.
#[tokio::test]
async fn a_login_without_an_answer_leaves_nothing() {
    for action in ["login-then-hold", "login-and-rotate-then-hold"] {
        everywhere(Setup::default(), async |client| {
            let fields = [("username", "alice"), ("password", ALICE)];
            let login = client.probe(Request::post(&format!("/act/{action}"), &fields));
            tokio::select! {
                answer = login => panic!("it is held: {answer:?}"),
                () = client.world.gate.reached() => {}
            }
            assert_eq!(client.world.store.sessions.len(), 1, "it was done");
            settle().await;
            assert!(client.world.store.sessions.is_empty(), "{action} at {}", client.site());
        })
        .await;
    }
}

/// A record that was given up may still be on its way to the store, and arrive when it has been undone.
#[tokio::test]
async fn a_login_that_arrives_late_leaves_nothing() {
    everywhere(Setup::default(), async |client| {
        let store = &client.world.store;
        store.strike(0, Fault::HangsAfter);
        assert!(send(&client, login("alice", ALICE), false).await.is_none(), "it is given up");
        let (key, now) = (store.keys()[0], client.world.clock.now());
        let stored = store.sessions.load(&key, now).await.unwrap().expect("it was done");
        let undone = async {
            while !store.sessions.is_empty() {
                yield_now().await;
            }
        };
        time::timeout(Duration::from_secs(120), undone).await.expect("it is undone");
        store.sessions.create(&key, &stored.record).await.unwrap();
        settle().await;
        assert!(store.sessions.is_empty(), "{}", client.site());
    })
    .await;
}

/// A page that fails by itself after the login has logged in all the same: that is the application's to say.
#[tokio::test]
async fn a_login_stands_whatever_the_page_answers() {
    everywhere(Setup::default(), async |mut client| {
        let fields = [("username", "alice"), ("password", ALICE), ("status", "500")];
        let answer = client.post("/act/login-and-fail", &fields).await;
        assert_eq!((answer.status, answer.token().is_some()), (500, true));
        settle().await;
        assert_eq!(client.who().await, "alice");
    })
    .await;
}

/// The id of a session is due to be replaced, and the answer is one that hands out nothing: the old one lives on.
#[tokio::test]
async fn an_id_is_not_used_up_by_a_request_that_fails() {
    let refused = Request::get("/who").basic("bob", BOB);
    let fails = Request::post("/act/fail", &[("name", "a"), ("value", "b"), ("status", "500")]);
    for (request, status) in [(refused, 400), (fails, 500)] {
        everywhere(Deed::Renew.setup(), async |mut client| {
            let token = client.login("alice", ALICE).await;
            client.world.clock.advance(EVERY);
            let got = client.probe(request.clone().cookie(&token)).await;
            assert_eq!((got.status, got.token()), (status, None), "{}", client.site());
            client.world.clock.advance(Duration::from_secs(60));
            assert_eq!(client.who().await, "alice", "{status} at {}", client.site());
            assert_ne!(client.jar.token(), Some(&*token), "and is replaced by the next");
        })
        .await;
    }
}

/// A client that goes away while its page is made has no new id either.
#[tokio::test]
async fn an_id_is_not_used_up_by_a_request_that_is_given_up() {
    everywhere(Deed::Renew.setup(), async |mut client| {
        let token = client.login("alice", ALICE).await;
        client.world.clock.advance(EVERY);
        let held = client.probe(Request::get("/act/hold?then=read").cookie(&token));
        tokio::select! {
            answer = held => panic!("it is held: {answer:?}"),
            () = client.world.gate.reached() => {}
        }
        client.world.clock.advance(Duration::from_secs(60));
        assert_eq!(client.who().await, "alice", "{}", client.site());
    })
    .await;
}

/// What the store could not do is undone as long as it takes, by the id that nobody was given: the session goes on.
#[tokio::test]
async fn a_session_goes_on_while_its_new_id_is_undone() {
    everywhere(Setup::default(), async |mut client| {
        let token = client.login("alice", ALICE).await;
        let store = &client.world.store;
        // Nothing is tried again before the store works.
        time::pause();
        store.hold("rotate");
        let outage = async {
            store.gate.reached().await;
            store.reads.set(Mode::Fails);
            store.writes.set(Mode::Fails);
            store.gate.open();
        };
        let rotate = client.probe(Request::post("/act/rotate", &[]).cookie(&token));
        let (rotate, ()) = tokio::join!(rotate, outage);
        assert_eq!(rotate.status, 503);
        for _ in 0..10 {
            yield_now().await;
        }
        store.reads.set(Mode::Works);
        store.writes.set(Mode::Works);
        let who = client.probe(Request::get("/who").cookie(&token)).await;
        assert_eq!(who.body, "alice", "at {}", client.site());
        time::resume();
    })
    .await;
}

macro_rules! sweeps {
    ($($name:ident: $deed:ident,)*) => {$(
        #[tokio::test]
        async fn $name() {
            sweep(Deed::$deed).await;
        }
    )*};
}

sweeps! {
    a_login: Login,
    a_login_again: LoginAgain,
    a_login_over_another: LoginOver,
    a_login_with_too_many: LoginTooMany,
    a_login_that_keeps_a_value: LoginAndSet,
    a_name_from_a_proxy: Named,
    another_name_from_a_proxy: NamedAnew,
    a_rotation: Rotate,
    a_new_password: Rebind,
    a_new_id_in_time: Renew,
    a_use: Touch,
    a_value: Set,
    a_logout_elsewhere: Others,
    a_logout: Logout,
}
