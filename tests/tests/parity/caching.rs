//! What caches are told.

use integration_tests::client::{everywhere, everywhere_eager};
use integration_tests::site::Request;
use integration_tests::world::{ALICE, Setup};

const OURS: &str = "Authorization, Cookie";

fn target(fields: &[(&str, &str)]) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    format!("/act/headers?{query}")
}

/// A handler's own `Vary` is completed, by token, in any case and spacing.
#[tokio::test]
async fn vary_is_merged() {
    let table: [(&str, &[&str], &[&str]); 9] = [
        ("none", &[], &[OURS]),
        ("another", &["Accept-Encoding"], &["Accept-Encoding", OURS]),
        ("one of ours", &["Cookie"], &["Cookie", "Authorization"]),
        ("small letters", &["cookie,authorization"], &["cookie,authorization"]),
        ("odd spacing", &["Accept ,  COOKIE"], &["Accept ,  COOKIE", "Authorization"]),
        ("over two lines", &["Cookie", "Authorization"], &["Cookie", "Authorization"]),
        ("star", &["*"], &["*"]),
        ("star among others", &["Accept, *"], &["Accept, *"]),
        ("a name that contains one", &["X-Cookie"], &["X-Cookie", OURS]),
    ];
    everywhere(Setup::default(), async |mut client| {
        for (name, own, expected) in table {
            let fields: Vec<_> = own.iter().map(|value| ("vary", *value)).collect();
            assert_eq!(client.get(&target(&fields)).await.all("vary"), expected, "{name}");
        }
    })
    .await;
}

/// A personal answer is kept out of caches, and a handler's own word about that stands, but never next to
/// a session cookie.
#[tokio::test]
async fn cache_control_is_kept_or_completed() {
    let table: [(&str, &[&str], &str, &str); 6] = [
        ("none", &[], "no-store", "no-store"),
        ("private", &["private, max-age=60"], "private, max-age=60", "private, max-age=60, no-store"),
        ("no-store", &["no-store"], "no-store", "no-store"),
        ("odd case", &["Private ,NO-STORE"], "Private ,NO-STORE", "Private ,NO-STORE"),
        ("public", &["public, max-age=60"], "public, max-age=60", "public, max-age=60, no-store"),
        ("two lines", &["private", "max-age=0"], "private|max-age=0", "private, max-age=0, no-store"),
    ];
    let minute = std::time::Duration::from_secs(60);
    let setup = Setup::default().sessions(|sessions| sessions.rotate_every(minute));
    everywhere_eager(setup, async |mut client| {
        client.login("alice", ALICE).await;
        for (name, own, plain, with_cookie) in table {
            let fields: Vec<_> = own.iter().map(|value| ("cache", *value)).collect();
            let got = client.get(&target(&fields)).await;
            assert_eq!(got.all("cache-control").join("|"), plain, "{name}");
            client.world.clock.advance(minute);
            let got = client.get(&target(&fields)).await;
            assert!(got.token().is_some(), "{name}: it is time for a new id");
            assert_eq!(got.all("cache-control").join("|"), with_cookie, "{name}");
        }
    })
    .await;
}

/// A 401 of the application's own names a way in, and keeps the one that it named.
#[tokio::test]
async fn a_handlers_own_401_is_completed() {
    everywhere(Setup::default(), async |mut client| {
        let got = client.get(&target(&[("status", "401")])).await;
        assert_eq!(got.all("www-authenticate"), [integration_tests::expected::COOKIE]);
        let own = client.get(&target(&[("status", "401"), ("challenge", "Mutual")])).await;
        assert_eq!(own.all("www-authenticate"), ["Mutual"]);
        let fine = client.get(&target(&[("status", "403")])).await;
        assert!(fine.all("www-authenticate").is_empty());
    })
    .await;
}

/// An answer of every kind says what it depends on, and the personal ones are not stored.
#[tokio::test]
async fn every_kind_of_answer() {
    everywhere(Setup::default(), async |mut client| {
        client.login("alice", ALICE).await;
        let requests = [
            Request::get("/who"),
            Request::get("/act/get?name=a"),
            Request::get("/private"),
            Request::get("/nobody"),
            Request::post("/act/set", &[("name", "a")]),
            Request::post("/act/rotate", &[]),
            Request::post("/login", &[("username", "alice"), ("password", "wrong")]),
            Request::post("/logout", &[]),
        ];
        for request in requests {
            let got = client.send(request.clone()).await;
            let vary = got.all("vary").join(", ").to_ascii_lowercase();
            assert!(vary.contains("cookie") && vary.contains("authorization"), "{request:?}: {got:?}");
            assert!(got.one("cache-control").contains("no-store"), "{request:?}: {got:?}");
        }
    })
    .await;
}

/// A logout asks the browser to forget more, where the site wants it.
#[tokio::test]
async fn a_logout_may_clear_site_data() {
    for (wanted, expected) in [(false, &[][..]), (true, &["\"cache\", \"storage\""])] {
        let setup =
            Setup::default().sessions(|sessions| if wanted { sessions.clear_site_data() } else { sessions });
        everywhere(setup, async |mut client| {
            client.login("alice", ALICE).await;
            assert_eq!(client.post("/logout", &[]).await.all("clear-site-data"), expected);
        })
        .await;
    }
}
