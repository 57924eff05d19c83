//! Open redirects and split responses, through a whole login (CVE-2014-3730 … CVE-2025-27143).

use integration_tests::client::{Client, everywhere};
use integration_tests::site::Request;
use integration_tests::world::{ALICE, Setup};
use url::Url;

const PAYLOADS: [&str; 44] = [
    "//evil.example",
    "///evil.example",
    "////evil.example",
    "/\\evil.example",
    "\\/evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "/\r/evil.example",
    "\t//evil.example",
    " //evil.example",
    "\u{0}//evil.example",
    "/%09/evil.example",
    "/%5cevil.example",
    "/%2f%2fevil.example",
    "//%65vil.example",
    "https://evil.example",
    "https:evil.example",
    "https:/evil.example",
    "https:///evil.example",
    "HTTPS://evil.example",
    "https://testserver@evil.example",
    "https://testserver.evil.example",
    "https://testserver:443@evil.example",
    "https://evil.example#testserver",
    "https://evil.example?testserver",
    "https://evil.example\\testserver",
    "//testserver@evil.example",
    "//testserver\\@evil.example",
    "javascript:alert(1)",
    "java\nscript:alert(1)",
    "\u{1}javascript:alert(1)",
    "data:text/html,x",
    "vbscript:x",
    "/..//evil.example",
    "/.//evil.example",
    "/a/..//evil.example",
    "/%2e%2e//evil.example",
    "/;//evil.example",
    "//\u{ff45}vil.example",
    "/\u{2028}/evil.example",
    "\u{feff}//evil.example",
    "https\u{ff1a}//evil.example",
    "/\u{ad}/evil.example",
];

/// Where a browser that is on the login page would go.
fn lands(location: &str) -> Url {
    Url::parse("https://testserver/accounts/login").unwrap().join(location).unwrap()
}

async fn follow(client: &Client<'_>, next: &str, what: &str) {
    let mut browser = client.another();
    let fields = [("username", "alice"), ("password", ALICE), ("next", next)];
    let got = browser.post("/login", &fields).await;
    assert_eq!(got.status, 303, "{what}: {next:?}");
    let location = got.one("location");
    assert_eq!(lands(location).host_str(), Some("testserver"), "{what}: {next:?} leads to {location:?}");
    assert!(location.bytes().all(|byte| byte.is_ascii_graphic()), "{location:?}");
}

#[tokio::test]
async fn a_login_leads_to_no_other_site() {
    everywhere(Setup::default(), async |client| {
        for next in PAYLOADS {
            follow(&client, next, "host").await;
        }
    })
    .await;
    everywhere(Setup::default().configure(|auth| auth.origin("https://testserver")), async |client| {
        for next in PAYLOADS {
            follow(&client, next, "origin").await;
        }
    })
    .await;
}

/// The way in front of the login: what a refused request asked for is in `next`, escaped, and leads back here.
#[tokio::test]
async fn a_refusal_leads_to_the_login_page_and_back() {
    let targets = [
        "/private?next=//evil.example",
        "/private?a=b&next=https://evil.example",
        "/private?%0d%0aset-cookie:x",
        "/private?a%26b",
        "/private?'()*",
    ];
    everywhere(Setup::default(), async |client| {
        for target in targets {
            let got = client.bare(Request::get(target).navigating()).await;
            assert_eq!(got.status, 303, "{target}");
            let location = lands(got.one("location"));
            assert_eq!((location.host_str(), location.path()), (Some("testserver"), "/login"));
            let nexts: Vec<_> = location.query_pairs().collect();
            assert!(nexts.len() <= 1 && nexts.iter().all(|(name, _)| name == "next"), "{target}: {nexts:?}");
            if let Some((_, next)) = nexts.first() {
                assert_eq!(next, target, "it comes back whole");
                follow(&client, next, "came from").await;
            }
        }
    })
    .await;
}

/// Whatever a request says about its host, the answer names none.
#[tokio::test]
async fn a_poisoned_host_does_not_reach_the_answer() {
    let names =
        ["host", "x-forwarded-host", "forwarded", "x-original-url", "x-forwarded-proto", "referer", "origin"];
    everywhere(Setup::default(), async |client| {
        for name in names {
            for value in ["evil.example", "https://evil.example/", "host=evil.example"] {
                let got = client.bare(Request::get("/private").navigating().with(name, value)).await;
                assert_eq!(
                    (got.status, got.one("location")),
                    (303, "/login?next=/private"),
                    "{name}: {value}"
                );
                let login = Request::post(
                    "/login",
                    &[("username", "alice"), ("password", ALICE), ("next", "https://evil.example/")],
                );
                let got = client.bare(login.with(name, value).with("sec-fetch-site", "same-origin")).await;
                assert_eq!((got.status, got.one("location")), (303, "/"), "{name}: {value}");
            }
        }
    })
    .await;
}

/// Response splitting: no text of a client ends a header.
#[tokio::test]
async fn no_text_of_a_client_splits_a_response() {
    everywhere(Setup::default(), async |client| {
        for text in ["a\r\nset-cookie: x=y", "a\nb", "a\rb", "a\u{0}b", "\u{85}", "\u{2028}"] {
            let fields = [("username", text), ("password", ALICE), ("next", text)];
            let got = client.bare(Request::post("/login", &fields)).await;
            assert_eq!((got.status, got.all("set-cookie").len()), (401, 0), "{text:?}");
            let fields = [("username", "alice"), ("password", ALICE), ("next", text)];
            let got = client.bare(Request::post("/login", &fields)).await;
            assert_eq!((got.one("location"), got.all("set-cookie").len()), ("/", 1), "{text:?}");
        }
    })
    .await;
}
