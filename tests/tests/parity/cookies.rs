//! Session cookies on the wire.

use integration_tests::client::everywhere;
use integration_tests::expected::{anonymous, personal};
use integration_tests::site::Request;
use integration_tests::world::{ALICE, BOB, Setup};

/// Which `Cookie` lines are the session's.
#[tokio::test]
async fn names_are_compared_byte_for_byte() {
    let table = [
        ("plain", "__Host-session=$", "alice"),
        ("among others", "a=b; __Host-session=$; c=d", "alice"),
        ("bad neighbours", "\"=(; =; ;; x; __Host-session=$; \u{fc}", "alice"),
        ("twice the same", "__Host-session=$; __Host-session=$", "alice"),
        ("percent-encoded name", "__%48ost-session=$", "anonymous"),
        ("percent-encoded separator", "__Host-session%3D$", "anonymous"),
        ("percent-encoded value", "__Host-session=%41$", "anonymous"),
        ("other case", "__host-session=$", "anonymous"),
        ("without prefix", "session=$", "anonymous"),
        ("other prefix", "__Secure-session=$", "anonymous"),
        ("quoted", "__Host-session=\"$\"", "anonymous"),
        ("blank in front of =", "__Host-session =$", "anonymous"),
        ("two values", "__Host-session=$; __Host-session=x", "anonymous"),
        ("two values, other order", "__Host-session=x; __Host-session=$", "anonymous"),
        ("two values, one empty", "__Host-session=; __Host-session=$", "anonymous"),
        ("comma", "a=b, __Host-session=$", "anonymous"),
    ];
    everywhere(Setup::default(), async |mut client| {
        let token = client.login("alice", ALICE).await;
        for (name, line, who) in table {
            let request = Request::get("/who").with("cookie", line.replace('$', &token));
            let expected = if who == "alice" { personal(who) } else { anonymous(who) };
            assert_eq!(client.bare(request).await, expected, "{name}");
        }
    })
    .await;
}

/// Several lines, as HTTP/2 clients send them.
#[tokio::test]
async fn several_cookie_lines_are_read() {
    everywhere(Setup::default(), async |mut client| {
        let alice = client.login("alice", ALICE).await;
        let bob = client.another().login("bob", BOB).await;
        let get = || Request::get("/who").with("cookie", "a=b");
        assert_eq!(client.bare(get().cookie(&alice).with("cookie", "c=d")).await, personal("alice"));
        assert_eq!(client.bare(get().cookie(&alice).cookie(&alice)).await, personal("alice"));
        client.world.events.take();
        assert_eq!(client.bare(get().cookie(&alice).cookie(&bob)).await, anonymous("anonymous"));
        assert_eq!(client.world.events.take(), ["two different session cookies in one request"]);
        let big = "x".repeat(64 * 1024);
        let got = client.bare(Request::get("/who").cookie(&alice).with("cookie", big)).await;
        assert_eq!(got, anonymous("anonymous"), "the header is too long");
    })
    .await;
}

/// What the server did not hand out is adopted nowhere, stored nowhere, renewed nowhere.
#[tokio::test]
async fn hostile_ids_are_nobodys() {
    let unknown = "A".repeat(42) + "E";
    let long = "A".repeat(4_096);
    let hostile = [
        "",
        "1234567",
        "12345678",
        "/../",
        "\\",
        "..%2f..%2fetc%2fpasswd",
        "'; DROP TABLE session; --",
        "null",
        "0",
        "{}",
        "e30=",
        "\u{fc}",
        &long,
        &unknown,
        &"A".repeat(43),
        &"A".repeat(44),
        &"-".repeat(43),
    ];
    everywhere(Setup::default(), async |client| {
        for id in hostile {
            for path in ["/who", "/act/get?name=a"] {
                let got = client.bare(Request::get(path).cookie(id)).await;
                let body = if path == "/who" { "anonymous" } else { "-" };
                assert_eq!(got, anonymous(body), "{id}");
            }
            let got = client.bare(Request::post("/act/set", &[("name", "a")]).cookie(id)).await;
            assert_eq!((got.status, got.all("set-cookie").len()), (401, 0), "{id}");
        }
        assert!(client.world.store.sessions.is_empty());
        assert!(client.world.store.keys().is_empty());
    })
    .await;
}

/// A login never keeps an id that was there before, nor what its next ones would begin with.
#[tokio::test]
async fn a_planted_id_is_not_the_one_after_the_login() {
    // Of before ids had halves, of today, and of one that replaces an older one.
    for len in [43, 44, 65] {
        let planted = "A".repeat(len - 1) + "E";
        a_planted_id_is_replaced(&planted).await;
    }
}

async fn a_planted_id_is_replaced(planted: &str) {
    everywhere(Setup::default(), async |mut client| {
        let login = Request::post("/login", &[("username", "alice"), ("password", ALICE)]).cookie(planted);
        let got = client.bare(login).await;
        let token = got.token().unwrap();
        assert!(!token.starts_with(&planted[..22]), "{token}");
        assert_eq!(client.bare(Request::get("/who").cookie(planted)).await, anonymous("anonymous"));
        client.jar.take(&got);
        assert_eq!(client.who().await, "alice");
        assert_eq!((token.len(), client.world.store.keys().len()), (44, 1));
    })
    .await;
}

/// The other settings, seen on the wire.
#[tokio::test]
async fn attributes_follow_the_settings() {
    use auth_core::session::SameSite;
    let strict =
        Setup::default().sessions(|s| s.same_site(SameSite::Strict).cookie_name("id").browser_session());
    let world = strict.world().await;
    let site = integration_tests::tower::Tower::new(&world);
    let login = || Request::post("/login", &[("username", "alice"), ("password", ALICE)]);
    let got = integration_tests::site::Site::send(&site, login()).await.masked();
    assert_eq!(got.one("set-cookie"), "__Host-id=TOKEN; Path=/; Secure; HttpOnly; SameSite=Strict");
    let world = Setup::default().sessions(auth_core::SessionConfig::insecure_cookies).world().await;
    let site = integration_tests::actix::site(&world).await;
    let got = site.send(login()).await.masked();
    assert_eq!(got.one("set-cookie"), "session=TOKEN; Path=/; HttpOnly; SameSite=Lax; Max-Age=86400");
}
