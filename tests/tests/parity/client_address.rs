//! From which address a request came: events, the log and the list of devices say the same, on every site.

use auth_core::SessionConfig;
use integration_tests::client::everywhere;
use integration_tests::logs::Captured;
use integration_tests::site::Request;
use integration_tests::world::{ALICE, Setup};

const PROXY: &str = "10.0.0.7";

fn setup() -> Setup {
    Setup::default()
        .sessions(SessionConfig::with_client_facts)
        .configure(|auth| auth.login_page("/login").trusted_proxy("10.0.0.0/8"))
}

fn login(peer: &str, forwarded_for: &str) -> Request {
    let request = Request::post("/login", &[("username", "alice"), ("password", ALICE)]);
    request.from(peer.parse().expect("an address")).with("x-forwarded-for", forwarded_for)
}

/// Whoever judges: a form, a session that ends, a scheme.
#[tokio::test]
async fn every_event_of_a_request_names_its_client() {
    everywhere(setup(), async |mut client| {
        let events = &client.world.events;
        client.send(login(PROXY, "192.0.2.1")).await;
        assert_eq!(events.take_clients(), ["192.0.2.1"], "a login");
        let from =
            |request: Request, client| request.from(PROXY.parse().unwrap()).with("x-forwarded-for", client);
        client.send(from(Request::post("/logout", &[]), "192.0.2.2")).await;
        assert_eq!(events.take_clients(), ["192.0.2.2"], "a logout");
        client.send(from(Request::get("/me").basic("alice", "wrong"), "192.0.2.3")).await;
        assert_eq!(events.take_clients(), ["192.0.2.3"], "a scheme");
        let two = Request::get("/who").with("cookie", "__Host-session=a; __Host-session=b");
        client.bare(from(two, "192.0.2.4")).await;
        assert_eq!(events.take_clients(), ["192.0.2.4"], "a cookie that is not read");
    })
    .await;
}

#[tokio::test]
async fn the_list_of_devices_names_each_client() {
    everywhere(setup(), async |mut client| {
        for (peer, told) in
            [(PROXY, "192.0.2.1"), (PROXY, "198.51.100.6, [2001:db8::1]:80"), ("192.0.2.3", "198.51.100.6")]
        {
            client.another().send(login(peer, told)).await;
        }
        client.login("alice", ALICE).await;
        let listed = client.get("/act/addresses").await.body;
        assert_eq!(listed, "- 192.0.2.1 192.0.2.3 2001:db8::1");
    })
    .await;
}

/// What an operator reads: the client, and the proxy where there is one.
#[tokio::test]
async fn the_log_names_the_client_and_the_proxy() {
    let captured = Captured::default();
    let subscriber = tracing_subscriber::fmt().with_writer(captured.clone()).with_ansi(false).finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let traced = Setup::default()
        .configure(|auth| auth.trusted_proxy("10.0.0.0/8").observer(auth_core::event::TracingObserver));
    everywhere(traced, async |client| {
        for (peer, told, expected) in [
            (PROXY, "192.0.2.1", " client=192.0.2.1 peer=10.0.0.7"),
            ("192.0.2.3", "198.51.100.6", " client=192.0.2.3\n"),
            ("::ffff:192.0.2.4", "198.51.100.6", " client=192.0.2.4\n"),
        ] {
            let before = captured.text().len();
            client.another().send(login(peer, told)).await;
            let text = captured.text().split_off(before);
            let lines: Vec<_> = text.lines().filter(|line| line.contains(" auth: ")).collect();
            let is_told = |line: &&str| format!("{line}\n").contains(expected);
            assert!(
                lines.len() == 2 && lines.iter().all(is_told),
                "{}: {expected}: {lines:?}",
                client.site()
            );
        }
    })
    .await;
    drop(guard);
}
