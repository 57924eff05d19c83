//! From the error that a handler is given, `source()` leads down to what a driver said; no answer tells any of it, and
//! observers hear of it once.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use auth_core::UserCache;
use auth_core::backend::{BackendError, Confirmation};
use auth_core::gate::{Admission, AttemptEnd, Gate, GateAttempt};
use auth_core::remote_user::RemoteUserHeader;
use integration_tests::authority::Authority;
use integration_tests::client::{Client, everywhere};
use integration_tests::expected::{passed_on, problem};
use integration_tests::faults::{DriverError, Mode};
use integration_tests::site::{Answer, Request};
use integration_tests::world::{ALICE, Setup};

/// What a handler is told first, by what it asked for.
const NOT_ACCEPTED: &str = "the credentials were not accepted";
const NO_SESSIONS: &str = "sessions are unavailable";
const NO_CALLER: &str = "it cannot be found out now who is calling";
/// What lies behind it.
const STORE: &str = "the store is unavailable < the driver: the store is down";
const USERS: &str = "the backend is unavailable < the driver: the users are down";

/// A handler that does this is told so.
async fn check_act(client: &Client<'_>, request: Request, said: &str, behind: &str) {
    let site = client.site();
    let answer = noted(client, request.clone(), &[format!("{said} < {behind}")]).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "noted"), "{site}");
    check_events(client, behind);
    let target = request.target.replacen("/causes", "", 1);
    let answer = client.probe(Request { target, ..request }).await;
    assert_eq!(answer.masked(), passed_on(503), "{site}: told to the client");
}

/// A handler that asks who is calling is told so. Where the layer asks before it, there is none.
async fn check_extractor(client: &Client<'_>, how: impl Fn(Request) -> Request, behind: &str) {
    let site = client.site();
    let told = site.starts_with("lazy").then(|| format!("{NO_CALLER} < {behind}"));
    noted(client, how(Request::get("/causes/me")), told.as_slice()).await;
    check_events(client, behind);
    assert_eq!(client.probe(how(Request::get("/me"))).await, problem(503), "{site}: told to the client");
}

/// The answer to a request whose handler notes this.
async fn noted(client: &Client<'_>, request: Request, told: &[String]) -> Answer {
    client.world.events.take();
    let what = format!("{}: {}", client.site(), request.target);
    let answer = client.probe(request).await;
    assert_eq!(client.world.take_told(), told, "{what}");
    answer
}

/// Observers hear what the driver said, once.
fn check_events(client: &Client<'_>, behind: &str) {
    let (_, driver) = behind.rsplit_once(": ").expect("a driver");
    let events = client.world.events.take();
    let told = events.iter().filter(|event| event.contains(driver)).count();
    assert_eq!(told, 1, "{}: {events:?}", client.site());
}

fn login() -> Request {
    Request::post("/causes/act/login", &[("username", "alice"), ("password", ALICE)])
}

#[tokio::test]
async fn a_store_outage_leads_to_its_driver() {
    everywhere(Setup::default(), async |mut client| {
        let token = client.login("alice", ALICE).await;
        let world = client.world;
        world.store.writes.set(Mode::Fails);
        check_act(&client, login(), NO_SESSIONS, STORE).await;
        check_act(&client, Request::post("/causes/act/rotate", &[]).cookie(&token), NO_SESSIONS, STORE).await;
        world.store.writes.set(Mode::Works);
        world.store.reads.set(Mode::Fails);
        check_extractor(&client, |request| request.cookie(&token), STORE).await;
        if client.site().starts_with("lazy") {
            let get = Request::get("/causes/act/get?name=a").cookie(&token);
            noted(&client, get, &[format!("{NO_SESSIONS} < {STORE}")]).await;
            check_events(&client, STORE);
        }
    })
    .await;
}

#[tokio::test]
async fn a_backend_outage_leads_to_its_driver() {
    everywhere(Setup::default(), async |mut client| {
        let token = client.login("alice", ALICE).await;
        let world = client.world;
        let remembered = |request: Request| request.basic("alice", ALICE);
        assert_eq!(client.probe(remembered(Request::get("/me"))).await.status, 200);
        world.users.judging.set(Mode::Fails);
        check_act(&client, login(), NOT_ACCEPTED, USERS).await;
        check_extractor(&client, |request| request.basic("bob", "guessed"), USERS).await;
        world.users.loading.set(Mode::Fails);
        check_extractor(&client, |request| request.cookie(&token), USERS).await;
        check_extractor(&client, remembered, USERS).await;
    })
    .await;
}

/// The session's own backend is asked, though the user is kept.
#[tokio::test]
async fn rebinding_leads_to_the_driver() {
    let setup = Setup::default().configure(|auth| auth.login_page("/login").cache_users(UserCache::new()));
    everywhere(setup, async |mut client| {
        let token = client.login("alice", ALICE).await;
        assert_eq!(client.who().await, "alice");
        client.world.users.loading.set(Mode::Fails);
        let rebind = Request::post("/causes/act/rebind-to", &[("name", "alice"), ("stamp", "1")]);
        noted(&client, rebind.cookie(&token), &[format!("{NO_SESSIONS} < {USERS}")]).await;
        check_events(&client, USERS);
    })
    .await;
}

/// Who is asked to confirm a user is down: also the requests that wait for its answer are told.
#[tokio::test]
async fn a_confirmation_leads_to_the_driver() {
    const EVERY: Duration = Duration::from_secs(900);
    let authority = Authority::default();
    let setup = authority.setup(Confirmation::every(EVERY).grace(Duration::ZERO));
    everywhere(setup, async |mut client| {
        authority.mode().set(Mode::Works);
        let token = client.login("alice", ALICE).await;
        authority.mode().set(Mode::Fails);
        client.world.clock.advance(EVERY * 2);
        let behind = "the backend is unavailable < the driver: the authority is down";
        check_extractor(&client, |request| request.cookie(&token), behind).await;
    })
    .await;
}

/// A session that was to begin with a proxy's word.
#[tokio::test]
async fn a_remote_user_leads_to_the_driver() {
    let header = RemoteUserHeader::new("X-Remote-User").and_then(|header| header.trusted_peer("10.0.0.7"));
    everywhere(Setup::default().remote_user(header.unwrap()), async |client| {
        if !client.site().starts_with("lazy") {
            return;
        }
        client.world.store.writes.set(Mode::Fails);
        let proxy = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 7));
        let request = Request::get("/causes/me").from(proxy).with("x-remote-user", "alice");
        noted(&client, request, &[format!("{NO_CALLER} < {STORE}")]).await;
        check_events(&client, STORE);
    })
    .await;
}

struct Stuck;

impl Gate for Stuck {
    type Permit = ();

    async fn reserve(&self, _: &GateAttempt<'_>) -> Result<Admission<()>, BackendError> {
        Err(BackendError::unavailable(DriverError("the gate is down")))
    }

    async fn report(&self, (): (), _: AttemptEnd) {}
}

#[tokio::test]
async fn a_gate_leads_to_its_driver() {
    let setup = Setup::default().configure(|auth| auth.login_page("/login").gate(Stuck));
    everywhere(setup, async |client| {
        let behind = "the backend is unavailable < the driver: the gate is down";
        check_act(&client, login(), NOT_ACCEPTED, behind).await;
    })
    .await;
}

/// Without random numbers no session begins.
#[tokio::test]
async fn a_random_source_is_named() {
    everywhere(Setup::default(), async |client| {
        client.world.random.fails.store(true, std::sync::atomic::Ordering::SeqCst);
        noted(&client, login(), &[format!("{NO_SESSIONS} < the random number generator failed")]).await;
    })
    .await;
}
