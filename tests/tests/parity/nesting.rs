//! Layers of two sites around one route, and requests that handlers make: a guard goes by the innermost layer.

mod actix;
mod tower;

use integration_tests::client::Jar;
use integration_tests::site::{Request, Site};
use integration_tests::tower::Tower;
use integration_tests::world::{ALICE, BOB, Setup, World};

/// A site for customers around the whole application, and one for staff on some of its routes.
struct Worlds {
    customers: World,
    staff: World,
    is_lazy: bool,
}

impl Worlds {
    async fn new(is_lazy: bool) -> Self {
        let staff = Setup::default().sessions(|config| config.cookie_name("staff")).basic(None);
        Self { customers: Setup::default().world().await, staff: staff.world().await, is_lazy }
    }
}

/// Signs somebody in at a site of their own, and answers their `Cookie` line.
async fn sign_in(world: &World, username: &str, password: &str) -> String {
    let login = Request::post("/login", &[("username", username), ("password", password)]);
    let answer = Tower::new(world).send(login).await;
    assert_eq!(answer.status, 303, "{answer:?}");
    let mut jar = Jar::default();
    jar.take(&answer);
    jar.line().expect("a session")
}

/// What the staff's page shows: whom the extractor, the extension and the session handle name.
fn page(extractor: Option<&str>, extension: Option<&str>, session: Option<&str>) -> String {
    [extractor, extension, session].map(|name| name.unwrap_or("nobody")).join(" ")
}

/// Every shape × who is calling × eager and lazy.
async fn check(shapes: impl AsyncFn(&Worlds) -> Vec<Box<dyn Site>>) {
    for is_lazy in [false, true] {
        let worlds = Worlds::new(is_lazy).await;
        let customer = sign_in(&worlds.customers, "alice", ALICE).await;
        let staff = sign_in(&worlds.staff, "bob", BOB).await;
        // A lazy layer puts nobody into the extensions.
        let extension = if is_lazy { None } else { Some("bob") };
        let staff_page = page(Some("bob"), extension, Some("bob"));
        let nobodys_page = page(None, None, None);
        let callers = [
            ("nobody", String::new(), 401, &nobodys_page),
            ("a customer", customer.clone(), 401, &nobodys_page),
            ("staff", staff.clone(), 200, &staff_page),
            ("both", format!("{customer}; {staff}"), 200, &staff_page),
        ];
        let sites = shapes(&worlds).await;
        assert!(sites.len() > 4, "the table is there");
        for site in sites {
            for (caller, cookie, guarded, shown) in &callers {
                let case = format!("{} as {caller}, lazy: {is_lazy}", site.name());
                let ask = |target| match cookie.as_str() {
                    "" => Request::get(target),
                    cookie => Request::get(target).with("cookie", cookie),
                };
                let answer = site.send(ask("/guarded")).await;
                assert_eq!(answer.status, *guarded, "{case}: {answer:?}");
                if *guarded == 200 {
                    assert_eq!(answer.body, **shown, "{case}");
                }
                let answer = site.send(ask("/open")).await;
                assert_eq!((answer.status, &answer.body), (200, *shown), "{case}");
                // The layer of the customers counts outside the staff's routes.
                let name = if cookie.contains(&customer) { "alice" } else { "anonymous" };
                let answer = site.send(ask("/customers")).await;
                assert_eq!((answer.status, answer.body.as_str()), (200, name), "{case}");
            }
        }
    }
}

#[tokio::test]
async fn on_tower_a_guard_goes_by_the_innermost_layer() {
    check(async |worlds| tower::shapes(worlds)).await;
}

#[tokio::test]
async fn on_actix_web_a_guard_goes_by_the_innermost_layer() {
    check(actix::shapes).await;
}

/// A request that a signed-in handler makes and dispatches in process presents nothing: it is nobody's.
async fn check_batches(sites: impl AsyncFn(&Worlds) -> Vec<Box<dyn Site>>) {
    for is_lazy in [false, true] {
        let worlds = Worlds::new(is_lazy).await;
        let customer = sign_in(&worlds.customers, "alice", ALICE).await;
        for site in sites(&worlds).await {
            let answer = site.send(Request::get("/batch").with("cookie", &customer)).await;
            let (guarded, shown) = (401, page(None, None, None));
            let expected = format!("alice asked: {guarded} and {shown}");
            assert_eq!(answer.body, expected, "{}, lazy: {is_lazy}", site.name());
        }
    }
}

#[tokio::test]
async fn on_tower_a_sub_request_does_not_inherit_the_caller() {
    check_batches(async |worlds| vec![tower::batches(worlds)]).await;
}

#[tokio::test]
async fn on_actix_web_a_sub_request_does_not_inherit_the_caller() {
    check_batches(async |worlds| vec![actix::batches(worlds).await]).await;
}
