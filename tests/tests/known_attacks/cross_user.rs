//! One request sees another's user (CVE-2007-0405, CVE-2026-33544).

use auth_core::Secret;
use futures_util::future::join_all;
use integration_tests::accounts::Account;
use integration_tests::actix;
use integration_tests::bare::Abandoned;
use integration_tests::site::{Request, Site};
use integration_tests::tower::{Tower, answer, native};
use integration_tests::world::{Setup, World};
use tower::ServiceExt;

/// A small generator of its own: the test is the same every time, but for the threads.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or_default() % sides
    }
}

/// A world with this many users, each with a session that holds the user's name; the tokens.
async fn crowd(users: usize) -> (World, Vec<String>) {
    let world = Setup::default().world().await;
    let site = Tower::new(&world);
    let mut tokens = Vec::new();
    for n in 0..users {
        let name = format!("user{n}");
        let account = Account::new(100 + i64::try_from(n).unwrap(), &name);
        world.users.users.insert(name.clone(), &Secret::new("secret"), account).await.unwrap();
        let login = Request::post("/login", &[("username", &name), ("password", "secret")]);
        let token = site.send(login).await.token().unwrap();
        site.send(Request::post("/act/set", &[("name", "name"), ("value", &name)]).cookie(&token)).await;
        tokens.push(token);
    }
    (world, tokens)
}

fn ask(token: &str, turns: usize) -> Request {
    Request::get(&format!("/act/yield?turns={turns}")).cookie(token)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_thousand_interleaved_requests_see_their_own_user() {
    let (world, tokens) = crowd(1_000).await;
    let routers = [Tower::new(&world).router(), Tower::lazy(&world).router()];
    let mut dice = Dice(1);
    let tasks: Vec<_> = (0..10_000)
        .map(|n| {
            let user = dice.roll(tokens.len());
            let request = native(ask(&tokens[user], dice.roll(8)));
            let response = routers[n % 2].clone().oneshot(request);
            let polls = if dice.roll(5) == 0 { 1 + dice.roll(4) } else { usize::MAX };
            tokio::spawn(async move { (user, Abandoned::after(polls, response).await) })
        })
        .collect();
    let mut answered = 0;
    for task in tasks {
        let (user, response) = task.await.unwrap();
        let Some(Ok(response)) = response else { continue };
        assert_eq!(answer(response).await.body, format!("user{user}/user{user}"));
        answered += 1;
    }
    assert!(answered > 8_000, "{answered}");
}

/// On one thread, where all requests share the place in which extractors look.
#[tokio::test]
async fn interleaved_requests_of_one_thread_see_their_own_user() {
    let (world, tokens) = crowd(50).await;
    let sites: [Box<dyn Site>; 4] = [
        actix::site(&world).await,
        actix::lazy(&world).await,
        Box::new(Tower::new(&world)),
        Box::new(Tower::lazy(&world)),
    ];
    for site in sites {
        let mut dice = Dice(2);
        let requests = (0..1_000).map(|n| {
            let turns = dice.roll(8);
            let polls = if dice.roll(5) == 0 { 1 + dice.roll(4) } else { usize::MAX };
            let user = n % (tokens.len() + 1);
            let request = match tokens.get(user) {
                Some(token) => ask(token, turns),
                None => Request::get("/who"),
            };
            let answer = Abandoned::after(polls, site.send(request));
            async move { (user, answer.await) }
        });
        for (user, answer) in join_all(requests).await {
            let Some(answer) = answer else { continue };
            let expected =
                if user == tokens.len() { "anonymous".into() } else { format!("user{user}/user{user}") };
            assert_eq!(answer.body, expected, "{}", site.name());
        }
    }
}
