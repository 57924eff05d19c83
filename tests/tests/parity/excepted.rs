//! One rule for a whole router, with named exceptions.

mod actix;
mod tower;

use auth_core::Require;
use integration_tests::client::{Client, over};
use integration_tests::faults::Mode;
use integration_tests::site::{Request, Site};
use integration_tests::world::{ALICE, Setup, World};

const OPEN: [&str; 4] = ["/", "/login", "/static/*", "/nested/open"];

fn rule() -> Require {
    Require::login().except(OPEN).expect("plain paths")
}

/// Runs a script against both adapters, eager and lazy, with this rule around all routes.
async fn everywhere(rule: Require, script: impl AsyncFn(Client<'_>)) {
    for is_lazy in [false, true] {
        let world = Setup::default().world().await;
        for site in sites(&world, &rule, is_lazy).await {
            over(&world, &*site, &script).await;
        }
    }
}

async fn sites(world: &World, rule: &Require, is_lazy: bool) -> [Box<dyn Site>; 2] {
    [tower::site(world, rule.clone(), is_lazy), actix::site(world, rule.clone(), is_lazy).await]
}

#[tokio::test]
async fn only_the_named_paths_are_open() {
    everywhere(rule(), async |mut client| {
        for path in [
            "/",
            "/?a=/private",
            "/login",
            "/login?next=/private",
            "/static/a.css",
            "/static/a/b.css",
            "/nested/open",
        ] {
            let answer = client.bare(Request::get(path).navigating()).await;
            assert_eq!((answer.status, answer.body.as_str()), (200, "open"), "{path} at {}", client.site());
        }
        for path in [
            "/private",
            "/nested/private",
            "/added-later",
            "/nowhere",
            "/nested/nowhere",
            "/login/",
            "/LOGIN",
            "/open",
        ] {
            let answer = client.bare(Request::get(path)).await;
            assert_eq!(answer.status, 401, "{path} at {}", client.site());
            let answer = client.bare(Request::get(path).navigating()).await;
            assert!(answer.one("location").starts_with("/login?next="), "{path} at {}", client.site());
        }
        client.login("alice", ALICE).await;
        for (path, status) in
            [("/private", 200), ("/nested/private", 200), ("/added-later", 200), ("/nowhere", 404)]
        {
            assert_eq!(client.get(path).await.status, status, "{path} at {}", client.site());
        }
    })
    .await;
}

/// Whatever a router or a file server makes of it.
#[tokio::test]
async fn no_spelling_leads_from_an_open_path_to_a_closed_one() {
    everywhere(rule(), async |client| {
        for path in [
            "/static/../private",
            "/static/./../private",
            "/static/%2e%2e/private",
            "/static/.%2E/private",
            "/static/..%2fprivate",
            "/static/..%5cprivate",
            "/static//private",
            "/static/..;/private",
            "//login",
            "/login/../private",
            "/login/%2e%2e/private",
            "/login%2f..%2fprivate",
            "/login;/private",
            "/%2e/login",
            "//private",
            "/./private",
            "http://testserver/private",
            "*",
        ] {
            for method in ["GET", "POST", "HEAD", "OPTIONS"] {
                let answer = client.bare(Request::new(method, path)).await;
                assert_eq!(answer.status, 401, "{method} {path} at {}", client.site());
            }
        }
    })
    .await;
}

/// A login page that asks for a login would send a browser round in circles.
#[tokio::test]
async fn a_guarded_login_page_is_no_loop() {
    everywhere(Require::login(), async |client| {
        for path in ["/login", "/login?next=/private"] {
            let answer = client.bare(Request::get(path).navigating()).await;
            assert_eq!((answer.status, answer.one("location")), (401, ""), "{path} at {}", client.site());
        }
        let answer = client.bare(Request::get("/private").navigating()).await;
        assert_eq!(answer.one("location"), "/login?next=/private", "{}", client.site());
    })
    .await;
}

/// An open page is open whatever happens to the sessions, under a lazy layer.
#[tokio::test]
async fn an_open_path_asks_no_store() {
    let world = Setup::default().world().await;
    for site in sites(&world, &rule(), true).await {
        over(&world, &*site, &async |mut client: Client<'_>| {
            client.login("alice", ALICE).await;
            world.store.reads.set(Mode::Fails);
            let asked = world.store.count_all();
            assert_eq!(client.get("/login").await.status, 200, "{}", client.site());
            assert_eq!(world.store.count_all(), asked, "{}", client.site());
            assert_eq!(client.get("/private").await.status, 503, "{}", client.site());
            world.store.reads.set(Mode::Works);
        })
        .await;
    }
}

/// A forgotten layer is found at the first open page, and not at the first closed one.
#[tokio::test]
async fn without_a_layer_nothing_is_open() {
    let world = Setup::default().world().await;
    for site in [tower::without_layer(rule()), actix::without_layer(rule()).await] {
        over(&world, &*site, &async |client: Client<'_>| {
            assert_eq!(client.probe(Request::get("/login")).await.status, 500, "{}", client.site());
        })
        .await;
    }
}
