//! The caller is found by the request that a piece of code holds, and not by where that code runs.

mod actix;
mod tower;

use integration_tests::client::Jar;
use integration_tests::site::{Request, Site};
use integration_tests::tower::Tower;
use integration_tests::world::{ALICE, Setup, World};

/// Alice's `Cookie` line.
async fn alice(world: &World) -> String {
    let login = Request::post("/login", &[("username", "alice"), ("password", ALICE)]);
    let mut jar = Jar::default();
    jar.take(&Tower::new(world).send(login).await);
    jar.line().expect("a session")
}

/// Sends a request of nobody's and one of Alice's to each site, and compares status and body.
async fn check(
    sites: impl AsyncFn(&World, bool) -> Vec<Box<dyn Site>>,
    request: impl Fn() -> Request,
    nobody: (u16, &str),
    somebody: (u16, &str),
) {
    for is_lazy in [false, true] {
        let world = Setup::default().world().await;
        let cookie = alice(&world).await;
        for site in sites(&world, is_lazy).await {
            let case = format!("{}, lazy: {is_lazy}", site.name());
            let answer = site.send(request()).await;
            assert_eq!((answer.status, answer.body.as_str()), nobody, "{case}, nobody");
            let answer = site.send(request().with("cookie", &cookie)).await;
            assert_eq!((answer.status, answer.body.as_str()), somebody, "{case}, alice");
        }
    }
}
