//! Under a prefix that the proxy takes off.

use integration_tests::client::everywhere;
use integration_tests::expected::to_login;
use integration_tests::site::Request;
use integration_tests::world::{ALICE, Setup};

fn login(next: &str) -> Request {
    Request::post("/login", &[("username", "alice"), ("password", ALICE), ("next", next)])
}

#[tokio::test]
async fn logins_stay_in_the_application() {
    let setup = Setup::default().configure(|auth| auth.login_page("/login").base_path("/app/"));
    everywhere(setup, async |mut client| {
        let page = Request::get("/private?x=1").navigating();
        assert_eq!(client.send(page).await, to_login("/app/login?next=/app/private%3Fx%3D1"));
        let own = Request::get("/own").navigating();
        assert_eq!(client.send(own).await, to_login("/app/enter?x=1&back=/app/own"), "a route's own page");
        let challenges = client.send(Request::get("/private")).await;
        let said = challenges.all("www-authenticate");
        assert!(said.iter().any(|said| said.contains(r#"form-action="/app/login""#)), "{said:?}");
        for (next, to) in [
            ("/app/private?x=1", "/app/private?x=1"),
            ("/app", "/app"),
            ("view/", "view/"),
            ("", "/app/"),
            ("/", "/app/"),
            ("/other/app", "/app/"),
            ("/apple", "/app/"),
            ("//evil.example/app", "/app/"),
            ("/app/../other", "/app/"),
        ] {
            let got = client.send(login(next)).await;
            assert_eq!(got.one("location"), to, "{next} at {}", client.site());
            assert!(got.one("set-cookie").contains("; Path=/;"), "{got:?}");
        }
    })
    .await;
}

/// As Traefik does; and what a client says of it leads nowhere.
#[tokio::test]
async fn a_trusted_proxy_may_say_the_prefix() {
    let setup = Setup::default().configure(|auth| {
        auth.login_page("/login").trusted_proxy("10.0.0.7").base_path_header("X-Forwarded-Prefix")
    });
    everywhere(setup, async |mut client| {
        for (peer, said, expected) in [
            ("10.0.0.7", "/app", "/app"),
            ("10.0.0.7", "/other/", "/other"),
            ("10.0.0.7", "//evil.example", ""),
            ("10.0.0.7", "https://evil.example", ""),
            ("192.0.2.1", "/app", ""),
        ] {
            let from =
                |request: Request| request.from(peer.parse().unwrap()).with("x-forwarded-prefix", said);
            let page = client.another().send(from(Request::get("/private").navigating())).await;
            assert_eq!(page, to_login(&format!("{expected}/login?next={expected}/private")), "{peer} {said}");
            let done = client.send(from(login(""))).await;
            assert_eq!(done.one("location"), format!("{expected}/"), "{peer} {said} at {}", client.site());
        }
    })
    .await;
}
