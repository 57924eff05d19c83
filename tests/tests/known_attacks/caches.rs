//! Caches that give one user's answer or rights to another.

use std::collections::HashMap;
use std::time::Duration;

use auth_core::Password;
use auth_core::http::{Challenge, Read, RequestView, Scheme, authorization};
use integration_tests::client::everywhere;
use integration_tests::faults::Mode;
use integration_tests::site::{Answer, Request, Site};
use integration_tests::tower::Tower;
use integration_tests::world::{ALICE, BOB, Setup};

/// A shared cache by RFC 9111, as bold as it may be: it stores whatever no header forbids.
#[derive(Default)]
struct SharedCache(HashMap<String, Vec<(Request, Answer)>>);

impl SharedCache {
    async fn send(&mut self, site: &dyn Site, request: Request) -> (Answer, bool) {
        let stored = self.0.get(&request.target).into_iter().flatten();
        let mut matching = stored.filter(|(earlier, answer)| is_same(earlier, &request, answer));
        if let Some((_, answer)) = matching.next() {
            return (answer.clone(), true);
        }
        let answer = site.send(request.clone()).await;
        if request.method == "GET" && may_store(&answer) {
            self.0.entry(request.target.clone()).or_default().push((request, answer.clone()));
        }
        (answer, false)
    }
}

fn may_store(answer: &Answer) -> bool {
    let control = answer.all("cache-control").join(",").to_ascii_lowercase();
    !control.contains("no-store") && !control.contains("private") && answer.all("vary").join(",") != "*"
}

fn is_same(earlier: &Request, now: &Request, answer: &Answer) -> bool {
    let vary = answer.all("vary").join(",");
    vary.split(',').map(str::trim).all(|name| values(earlier, name) == values(now, name))
}

fn values<'a>(request: &'a Request, name: &str) -> Vec<&'a [u8]> {
    let named = request.headers.iter().filter(|(header, _)| header.eq_ignore_ascii_case(name));
    named.map(|(_, value)| value.as_slice()).collect()
}

/// CVE-2023-30861, CVE-2014-1418: through a shared cache everybody still sees their own pages.
#[tokio::test]
async fn a_shared_cache_shows_nobody_anothers_page() {
    let world = Setup::default().world().await;
    let sites: [Box<dyn Site>; 4] = [
        Box::new(Tower::new(&world)),
        integration_tests::actix::site(&world).await,
        Box::new(Tower::lazy(&world)),
        integration_tests::actix::lazy(&world).await,
    ];
    for site in sites {
        let mut cache = SharedCache::default();
        let mut hits = 0;
        for (page, whom) in visits(&*site).await {
            for (who, request) in &whom {
                let (got, from_cache) = cache.send(&*site, request.clone()).await;
                hits += u32::from(from_cache);
                let direct = site.send(request.clone()).await;
                let what = format!("{} {page} for {who}", site.name());
                assert_eq!((got.status, &got.body), (direct.status, &direct.body), "{what}");
                assert!(!from_cache || got.all("set-cookie").is_empty(), "{what}");
            }
        }
        assert!(hits > 0, "the model caches something, or it would prove nothing");
    }
}

/// Each page, asked for by everybody in turn, twice.
async fn visits(site: &dyn Site) -> Vec<(&'static str, Vec<(&'static str, Request)>)> {
    let mut tokens = HashMap::new();
    for (name, password) in [("alice", ALICE), ("bob", BOB)] {
        let login = Request::post("/login", &[("username", name), ("password", password)]);
        tokens.insert(name, site.send(login).await.token().unwrap());
    }
    let pages = [
        "/",
        "/who",
        "/me",
        "/private",
        "/members",
        "/both",
        "/nobody",
        "/act/get?name=x",
        "/act/yield?turns=0",
        "/act/headers?cache=public,max-age=60",
        "/no-such-page",
        "/login",
    ];
    let everybody = |page: &'static str| {
        let get = Request::get(page);
        let people = vec![
            ("nobody", get.clone()),
            ("alice", get.clone().cookie(&tokens["alice"])),
            ("bob", get.clone().cookie(&tokens["bob"])),
            ("nobody's browser", get.clone().navigating()),
            ("alice by Basic", get.clone().basic("alice", ALICE)),
            ("bob by Basic", get.basic("bob", BOB)),
        ];
        (page, [people.clone(), people].concat())
    };
    pages.into_iter().map(everybody).collect()
}

fn who(username: &str, password: &str) -> Request {
    Request::get("/who").basic(username, password)
}

/// CVE-2020-2301, CVE-2025-30189: remembered are credentials, not names.
#[tokio::test]
async fn remembered_is_the_whole_credential() {
    everywhere(Setup::default(), async |client| {
        assert_eq!(client.bare(who("alice", ALICE)).await.body, "alice");
        for (username, password) in [("alice", BOB), ("alice", "x"), ("bob", ALICE), ("alic", "ewonderland")]
        {
            assert_eq!(client.bare(who(username, password)).await.status, 401, "{username} {password}");
        }
        let lengthy = format!("{}a", "x".repeat(199));
        let account = integration_tests::accounts::Account::new(77, "lengthy");
        let users = &client.world.users.users;
        users.insert(lengthy.clone(), &auth_core::Secret::new("bc"), account).await.unwrap();
        assert_eq!(client.bare(who(&lengthy, "bc")).await.body, "lengthy");
        assert_eq!(client.bare(who(&format!("{lengthy}b"), "c")).await.status, 401, "parts do not shift");
        assert_eq!(client.bare(who(&lengthy[..199], "abc")).await.status, 401);
    })
    .await;
}

/// A changed password, a changed stamp and a disabled user count at once.
#[tokio::test]
async fn remembered_credentials_die_with_a_change() {
    everywhere(Setup::default(), async |client| {
        let users = &client.world.users.users;
        assert_eq!(client.bare(who("alice", ALICE)).await.body, "alice");
        let mut changed = integration_tests::accounts::Account::new(1, "alice");
        changed.stamp = b"new".to_vec();
        users.insert("alice", &auth_core::Secret::new("new"), changed).await.unwrap();
        assert_eq!(client.bare(who("alice", ALICE)).await.status, 401);
        assert_eq!(client.bare(who("alice", "new")).await.body, "alice");
        assert_eq!(client.bare(who("bob", BOB)).await.body, "bob");
        users.change("bob", |bob| bob.active = false);
        assert_eq!(client.bare(who("bob", BOB)).await.status, 401, "disabled, though remembered");
    })
    .await;
}

/// Remembered credentials whose user changed are judged again, and not refused: "log out everywhere" leaves the
/// password as it was, and a script that sends it must not see one 401.
#[tokio::test]
async fn remembered_credentials_that_still_are_right_are_accepted_at_once() {
    everywhere(Setup::default(), async |client| {
        let world = client.world;
        assert_eq!(client.bare(who("alice", ALICE)).await.body, "alice");
        let before = world.passwords.runs();
        world.users.users.change("alice", |alice| alice.stamp = b"another".to_vec());
        assert_eq!(client.bare(who("alice", ALICE)).await.body, "alice");
        assert_eq!(world.passwords.runs() - before, 1, "judged again");
        assert_eq!(client.bare(who("alice", ALICE)).await.body, "alice");
        assert_eq!(world.passwords.runs() - before, 1, "and remembered again");
    })
    .await;
}

/// A scheme that does what application code may do: it panics.
struct Nosy(Challenge);

impl Scheme for Nosy {
    type Credentials = Password;

    fn name(&self) -> &'static str {
        "Nosy"
    }

    fn headers(&self) -> Vec<&str> {
        vec!["authorization"]
    }

    fn read(&self, request: &dyn RequestView) -> Read<Password> {
        assert_ne!(authorization(request, "Nosy"), Some(&b"panic"[..]));
        Read::Present(Password::new("alice", ALICE))
    }

    fn challenge(&self) -> Option<&Challenge> {
        Some(&self.0)
    }

    fn allows_cleartext(&self) -> bool {
        true
    }
}

/// A panic in an application's own scheme is an outage like every other, and never "nobody".
#[tokio::test]
async fn a_scheme_that_panics_makes_nobody_anonymous() {
    let setup = Setup::default().configure(|auth| auth.scheme(Nosy(Challenge::new("Nosy"))));
    everywhere(setup, async |client| {
        let send = |header: &str| Request::get("/who").with("authorization", header);
        assert_eq!(client.bare(send("Nosy ask")).await.body, "alice");
        assert_eq!(client.bare(send("Nosy panic")).await.status, 503);
    })
    .await;
}

/// Neither an outage nor a refusal is remembered.
#[tokio::test]
async fn only_success_is_remembered() {
    everywhere(Setup::default(), async |client| {
        let world = client.world;
        world.users.judging.set(Mode::Fails);
        assert_eq!(client.bare(who("alice", ALICE)).await.status, 503);
        world.users.judging.set(Mode::Works);
        assert_eq!(client.bare(who("alice", ALICE)).await.body, "alice");
        world.users.loading.set(Mode::Fails);
        assert_eq!(
            client.bare(who("alice", ALICE)).await.status,
            503,
            "remembered, but nobody can say who it is now"
        );
        world.users.loading.set(Mode::Works);
        assert_eq!(client.bare(who("alice", ALICE)).await.body, "alice");
        assert_eq!(client.bare(who("carol", "new")).await.status, 401);
        let carol = integration_tests::accounts::Account::new(3, "carol");
        world.users.users.insert("carol", &auth_core::Secret::new("new"), carol).await.unwrap();
        assert_eq!(client.bare(who("carol", "new")).await.body, "carol");
        let runs = world.passwords.runs();
        world.clock.advance(Duration::from_secs(29));
        client.bare(who("carol", "new")).await;
        assert_eq!(world.passwords.runs(), runs);
        world.clock.advance(Duration::from_secs(1));
        client.bare(who("carol", "new")).await;
        assert_eq!(world.passwords.runs(), runs + 1);
    })
    .await;
}

/// The same credentials can be written in thousands of ways (blanks, the case of `Basic`): whoever does so takes their
/// own places among those that are remembered, and not everybody's, each of whose requests would then cost a hash.
#[tokio::test]
async fn one_users_credentials_do_not_push_out_others() {
    let world = Setup::default().world().await;
    let site = Tower::new(&world);
    let spelled = |case: usize, blanks: usize, request: Request| {
        let mut request = request.basic("alice", ALICE);
        let (_, value) = request.headers.last_mut().unwrap();
        let mut name = b"basic".to_vec();
        for (at, letter) in name.iter_mut().enumerate() {
            if case >> at & 1 == 1 {
                letter.make_ascii_uppercase();
            }
        }
        *value = [&name[..], &vec![b' '; blanks], &value["Basic".len()..]].concat();
        request
    };
    for n in 0..10_001 {
        let answer = site.send(spelled(n % 32, n / 32, Request::get("/who"))).await;
        assert_eq!(answer.body, "alice", "{n}");
    }
    let bob = || Request::get("/who").basic("bob", BOB);
    assert_eq!(site.send(bob()).await.body, "bob");
    world.users.judging.set(Mode::Fails);
    assert_eq!(site.send(bob()).await.body, "bob", "remembered: nobody is asked again");
}
