//! Who can choose the address that events and the list of devices name, and later what is counted by it
//! (CVE-2023-36456, CVE-2024-47070).

use auth_core::SessionConfig;
use auth_core::http::Basic;
use integration_tests::client::{Client, everywhere};
use integration_tests::site::Request;
use integration_tests::world::{ALICE, Setup};

/// Where the attacker is.
const MALLORY: &str = "192.0.2.66";
/// Whom the attacker would like to be.
const VICTIM: &str = "198.51.100.6";
const PROXY: &str = "10.0.0.7";

/// The same proxies, named in three ways.
const PROXIES: [&[&str]; 3] = [&["10.0.0.0/8"], &["::ffff:10.0.0.0/104"], &["10.0.0.7", "::ffff:10.0.0.9"]];

type Headers<'a> = &'a [(&'a str, &'a str)];

/// All that others read an address from.
const CLAIMS: Headers<'_> = &[
    ("x-forwarded-for", VICTIM),
    ("forwarded", "for=198.51.100.6;proto=https"),
    ("x-real-ip", VICTIM),
    ("true-client-ip", VICTIM),
    ("cf-connecting-ip", VICTIM),
    ("x-client-ip", VICTIM),
    ("x-forwarded", VICTIM),
    ("x_forwarded_for", VICTIM),
    ("x-forwarded-prefix", "/victim"),
];

/// A site behind proxies that name the address in this header; the usual one if it is empty.
fn behind(proxies: &'static [&'static str], header: &'static str) -> Setup {
    Setup::default().sessions(SessionConfig::with_client_facts).configure(move |auth| {
        let auth = proxies.iter().fold(auth.login_page("/login"), |auth, proxy| auth.trusted_proxy(*proxy));
        if header.is_empty() { auth } else { auth.forwarded_for_header(header) }
    })
}

fn from(peer: &str, headers: Headers<'_>, request: Request) -> Request {
    let request = headers.iter().fold(request, |request, (name, value)| request.with(name, value));
    peer.parse().into_iter().fold(request, Request::from)
}

/// From where a guess and a login with these headers seem to come, to events and to the list of devices.
async fn seen(client: &Client<'_>, peer: &str, headers: Headers<'_>) -> String {
    let login = |password| Request::post("/login", &[("username", "alice"), ("password", password)]);
    let mut browser = client.another();
    client.world.events.take_clients();
    let guess = browser.send(from(peer, headers, login("wrong"))).await;
    let login = browser.send(from(peer, headers, login(ALICE))).await;
    let clients = client.world.events.take_clients();
    assert_eq!((guess.status, login.status, clients.len()), (401, 303, 1), "{headers:?}: {clients:?}");
    let kept = browser.send(from(peer, headers, Request::get("/act/addresses"))).await.body;
    assert_eq!(kept, clients[0], "{headers:?}");
    browser.post("/logout", &[]).await;
    kept
}

#[tokio::test]
async fn nobody_but_a_proxy_is_believed() {
    for header in ["", "Forwarded", "X-Real-IP"] {
        everywhere(behind(&[PROXY], header), async |client| {
            for (peer, expected) in [
                (MALLORY, MALLORY),
                ("::ffff:192.0.2.66", MALLORY),
                ("10.0.0.8", "10.0.0.8"),
                ("127.0.0.1", "127.0.0.1"),
                ("::1", "::1"),
                ("", "-"),
            ] {
                assert_eq!(seen(&client, peer, CLAIMS).await, expected, "{header}");
            }
        })
        .await;
    }
}

/// A proxy adds the address to what the client sent: the client's part is on the left, whatever it is.
#[tokio::test]
async fn what_a_client_sends_to_a_proxy_that_adds_is_not_reached() {
    let table: &[(&str, &[&str])] = &[
        ("nothing", &["192.0.2.66"]),
        ("an address", &["198.51.100.6, 192.0.2.66"]),
        ("a proxy's address", &["10.0.0.7, 192.0.2.66"]),
        ("both", &["198.51.100.6, 10.0.0.7, 192.0.2.66"]),
        ("a line of its own", &["198.51.100.6", "192.0.2.66"]),
        ("two lines", &["198.51.100.6", "198.51.100.6, 192.0.2.66"]),
        ("an empty element", &[", 192.0.2.66"]),
        ("garbage", &["\", \\, for=198.51.100.6;, 192.0.2.66"]),
        ("with a port", &["198.51.100.6, 192.0.2.66:40000"]),
        ("mapped", &["198.51.100.6, ::ffff:192.0.2.66"]),
        ("mapped, with a port", &["198.51.100.6, [::ffff:c000:242]:40000"]),
        ("by another proxy", &["198.51.100.6, 192.0.2.66, ::ffff:10.0.0.9"]),
    ];
    for proxies in PROXIES {
        everywhere(behind(proxies, ""), async |client| {
            for (name, lines) in table {
                let headers: Vec<_> = lines.iter().map(|line| ("x-forwarded-for", *line)).collect();
                for peer in [PROXY, "::ffff:10.0.0.7"] {
                    assert_eq!(seen(&client, peer, &headers).await, MALLORY, "{name}");
                }
            }
        })
        .await;
    }
}

#[tokio::test]
async fn what_a_client_sends_in_forwarded_is_not_reached() {
    let table: &[(&str, &[&str])] = &[
        ("nothing", &["for=192.0.2.66"]),
        ("an address", &["for=198.51.100.6, for=192.0.2.66"]),
        ("a line of its own", &["for=198.51.100.6", "for=192.0.2.66"]),
        ("a quote that is not closed", &["for=\"198.51.100.6, for=192.0.2.66;proto=http"]),
        ("a backslash", &["for=198.51.100.6;host=\"\\, for=\"192.0.2.66:40000\""]),
        ("a host", &["for=192.0.2.66;host=\"x, for=198.51.100.6\""]),
        ("a host with quotes", &["for=192.0.2.66;host=\"x\\\", for=198.51.100.6;y=\\\"\""]),
    ];
    everywhere(behind(&["10.0.0.0/8"], "Forwarded"), async |client| {
        for (name, lines) in table {
            let headers: Vec<_> = lines.iter().map(|line| ("forwarded", *line)).collect();
            assert_eq!(seen(&client, PROXY, &headers).await, MALLORY, "{name}");
        }
    })
    .await;
}

/// nginx with its usual lines sets `X-Forwarded-For` and hands on all other headers as the client sent them.
#[tokio::test]
async fn a_proxy_that_sets_one_header_vouches_for_no_other() {
    for (header, set) in [
        ("", ("x-forwarded-for", "192.0.2.66")),
        ("Forwarded", ("forwarded", "for=192.0.2.66")),
        ("X-Real-IP", ("x-real-ip", "192.0.2.66")),
        ("CF-Connecting-IP", ("cf-connecting-ip", "192.0.2.66")),
    ] {
        let others: Vec<_> = CLAIMS.iter().filter(|(name, _)| *name != set.0).copied().collect();
        everywhere(behind(&[PROXY], header), async |client| {
            let with = [&others[..], &[set]].concat();
            assert_eq!(seen(&client, PROXY, &with).await, MALLORY, "{header}");
            assert_eq!(seen(&client, PROXY, &others).await, PROXY, "{header} is missing");
        })
        .await;
    }
}

/// A proxy that cannot tell says so, or writes what is no address: nobody looks for one further left.
#[tokio::test]
async fn an_address_that_cannot_be_read_is_the_proxys() {
    for told in [
        "unknown",
        "_hidden",
        "",
        "unix:",
        "localhost",
        "192.0.2.66 198.51.100.6",
        "for=192.0.2.66",
        "0.0.0.0",
    ] {
        everywhere(behind(&["10.0.0.0/8"], ""), async |client| {
            for (lines, expected) in [
                (vec![format!("{VICTIM}, {told}")], PROXY),
                (vec![VICTIM.to_owned(), told.to_owned()], PROXY),
                (vec![format!("{VICTIM}, {told}, 10.0.0.9")], "10.0.0.9"),
            ] {
                let headers: Vec<_> = lines.iter().map(|line| ("x-forwarded-for", line.as_str())).collect();
                assert_eq!(seen(&client, PROXY, &headers).await, expected, "{told:?}");
            }
        })
        .await;
    }
}

/// A header that never ends costs nothing: what stands left of the client's address is not read.
#[tokio::test]
async fn long_lists_are_not_walked() {
    everywhere(behind(&["10.0.0.0/8"], ""), async |client| {
        let own = vec!["10.0.0.9"; 5_000].join(",");
        let headers = [("x-forwarded-for", own.as_str()), ("x-forwarded-for", MALLORY)];
        assert_eq!(seen(&client, PROXY, &headers).await, MALLORY);
        assert_eq!(seen(&client, PROXY, &headers[..1]).await, "10.0.0.9", "a loop of proxies");
    })
    .await;
}

/// The protocol is told in one place as well. Elsewhere a client says "https" of its own cleartext, and is asked for a password.
#[tokio::test]
async fn a_protocol_in_another_header_protects_nothing() {
    let table: [(&str, Headers<'_>, bool); 6] = [
        ("", &[("x-forwarded-proto", "https"), ("forwarded", "for=192.0.2.66;proto=http")], true),
        ("", &[("x-forwarded-proto", "http"), ("forwarded", "for=192.0.2.66;proto=https")], false),
        ("", &[("forwarded", "for=192.0.2.66;proto=https"), ("x-scheme", "https")], false),
        ("Forwarded", &[("forwarded", "for=192.0.2.66;proto=https"), ("x-forwarded-proto", "http")], true),
        ("Forwarded", &[("forwarded", "for=192.0.2.66;proto=http"), ("x-forwarded-proto", "https")], false),
        ("Forwarded", &[("forwarded", "for=10.0.0.9;proto=https, for=192.0.2.66;proto=http")], false),
    ];
    for (header, headers, is_protected) in table {
        let setup = Setup::default().basic(None).configure(move |auth| {
            let auth = auth.scheme(Basic::new("tests").unwrap()).trusted_proxy("10.0.0.0/8");
            if header.is_empty() { auth } else { auth.forwarded_for_header(header) }
        });
        everywhere(setup, async |client| {
            let answer = client.bare(from(PROXY, headers, Request::get("/me").basic("alice", ALICE))).await;
            assert_eq!(answer.status, if is_protected { 200 } else { 403 }, "{header}: {headers:?}");
        })
        .await;
    }
}
