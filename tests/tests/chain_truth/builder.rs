//! Configurations that cannot be right are refused, in one line that says what to do.

use std::time::Duration;

use auth_core::backend::Confirmation;
use auth_core::grant::Factor;
use auth_core::http::Basic;
use auth_core::remote_user::{RemoteUser, RemoteUserHeader};
use auth_core::session::{KeyRing, MemorySessions, SameSite, SessionConfig};
use auth_core::{Auth, AuthBuilder, BackendPolicy, Password, UserCache};
use integration_tests::accounts::Account;
use integration_tests::authority::Authority;
use integration_tests::world::keys;

use crate::scripted::{Says, Scripted};

fn empty() -> AuthBuilder<Account> {
    Auth::builder()
}

fn one() -> AuthBuilder<Account> {
    empty().backend::<Password>("local", accepting())
}

fn accepting() -> Scripted {
    Scripted::new(Says::Accept)
}

fn with(change: impl FnOnce(SessionConfig) -> SessionConfig) -> AuthBuilder<Account> {
    one().sessions(MemorySessions::new(1), change(SessionConfig::new(keys())))
}

fn refused(table: Vec<(&str, AuthBuilder<Account>)>) {
    for (text, builder) in table {
        let error = builder.build().expect_err(text).to_string();
        assert_eq!(error, text);
        assert!(error.len() < 160 && !error.contains('\n') && !error.ends_with('.'), "{error}");
    }
}

#[test]
fn chains_that_cannot_be_right() {
    let zero = BackendPolicy::new().timeout(Duration::ZERO);
    refused(vec![
        (
            "no backend is configured: nobody could ever log in; add `.backend::<Password>(\"local\", …)`",
            empty(),
        ),
        (
            "two backends are named \"local\": a session could not tell whose user it holds; rename one",
            one().backend::<Password>("local", accepting()),
        ),
        (
            "the backend name \"a b\" must have 1 to 64 ASCII letters, digits, '-', '_' or '.'",
            one().backend::<Password>("a b", accepting()),
        ),
        (
            "the backend name \"\" must have 1 to 64 ASCII letters, digits, '-', '_' or '.'",
            one().backend::<Password>("", accepting()),
        ),
        (
            "the backend \"slow\" has a timeout of zero",
            one().backend_with::<Password>("slow", accepting(), zero),
        ),
        ("the chain has a timeout of zero", one().chain_timeout(Duration::ZERO)),
        (
            "the scheme Basic is accepted, but no backend judges its credentials; add a backend for their type",
            empty().scheme(Basic::new("tests").unwrap()).backend::<Nothing>("other", accepting()),
        ),
    ]);
}

/// Credentials that nobody sends.
struct Nothing;

impl auth_core::Credentials for Nothing {
    const KIND: &'static str = "nothing";
    const FACTOR: Factor = Factor::Password;

    fn subject(&self) -> Option<&str> {
        None
    }

    fn check(&self) -> Result<(), auth_core::backend::DeclineReason> {
        Ok(())
    }
}

#[test]
fn sessions_that_cannot_be_right() {
    let second = Duration::from_secs(1);
    let twice = with(|sessions| sessions).sessions(MemorySessions::new(1), SessionConfig::new(keys()));
    refused(vec![
        ("sessions are configured twice; keep one `.sessions(…)`", twice),
        ("a cookie name has 1 to 64 letters, digits, '-', '_' or '.'", with(|s| s.cookie_name("a b"))),
        (
            "leave the `__Host-` prefix out of the cookie name: it is added",
            with(|s| s.cookie_name("__Host-x")),
        ),
        (
            "SameSite=None and partitioned cookies need secure ones: browsers refuse them otherwise",
            with(|s| s.same_site(SameSite::None).insecure_cookies()),
        ),
        (
            "a partitioned cookie is for frames of other sites, and those need SameSite=None: leave `.same_site(…)` out",
            with(|s| s.same_site(SameSite::Strict).partitioned()),
        ),
        (
            "a session needs an idle and an absolute timeout above zero",
            with(|s| s.idle_timeout(Duration::ZERO)),
        ),
        (
            "touch_every must be at most half the idle timeout, or used sessions would expire",
            with(|s| s.touch_every(second * 1801)),
        ),
        ("rotate_every must be at least 20 s, twice the grace period", with(|s| s.rotate_every(second * 19))),
        ("max_per_user(0) would end every session at its login", with(|s| s.max_per_user(0))),
        (
            "the session store's timeouts must be above zero",
            with(|s| s.store_timeouts(Duration::ZERO, second)),
        ),
    ]);
    let weak = "a session secret needs at least 32 random bytes, for instance from `openssl rand -base64 32`";
    for secret in [&b""[..], b"secret", &[b'x'; 64], &[0; 31]] {
        assert_eq!(KeyRing::new(secret).unwrap_err().to_string(), weak);
        assert_eq!(keys().with_fallback(secret).unwrap_err().to_string(), weak, "nor as a fallback");
    }
}

#[test]
fn user_caches_that_cannot_be_right() {
    let cached = |cache| with(|sessions| sessions).cache_users(cache);
    let capacity = "the user cache needs a capacity of 1 to 10,000,000 users";
    let ttl = "the user cache needs a ttl above zero and of at most 60 s: so long may a disabled user stay";
    let sessions =
        "the user cache is for sessions, and there are none; add `.sessions(…)` or drop `.cache_users(…)`";
    refused(vec![
        (capacity, cached(UserCache::new().capacity(0))),
        (capacity, cached(UserCache::new().capacity(UserCache::MAX_CAPACITY + 1))),
        (ttl, cached(UserCache::new().ttl(Duration::ZERO))),
        (ttl, cached(UserCache::new().ttl(UserCache::MAX_TTL + Duration::from_millis(1)))),
        (sessions, one().cache_users(UserCache::new())),
    ]);
    let largest = UserCache::new().capacity(1).ttl(UserCache::MAX_TTL);
    assert!(cached(largest).build().is_ok());
}

#[test]
fn headers_of_proxies_that_cannot_be_right() {
    let nobody = || RemoteUserHeader::new("X-Remote-User").unwrap();
    let header = || nobody().trusted_peer("10.0.0.7").unwrap();
    let judged = || with(|sessions| sessions).backend::<RemoteUser>("proxy", accepting());
    refused(vec![
        (
            "the scheme remote user keeps the user it names in a session, and there are none; add `.sessions(…)`",
            one().backend::<RemoteUser>("proxy", accepting()).scheme(header()),
        ),
        (
            "the scheme remote user is accepted, but no backend judges its credentials; add a backend for their type",
            with(|sessions| sessions).scheme(header()),
        ),
        (
            "no peer is trusted to send x-remote-user; add `.trusted_peer(\"10.0.0.7\")` with the proxy's address, \
             or `.trusted_unix_socket()`",
            judged().scheme(nobody()),
        ),
        (
            "a second scheme, remote user, begins sessions; keep one of them",
            judged().scheme(header()).scheme(header()),
        ),
        (
            "the header x-remote-user is named for the user, and for the address or the protocol of the client; one of \
             them is another's",
            judged().scheme(header()).trusted_proxy("10.0.0.7").forwarded_for_header("X-Remote-User"),
        ),
    ]);
    assert!(judged().scheme(header()).build().is_ok());
    assert!(judged().scheme(nobody().trusted_unix_socket()).build().is_ok());
}

#[test]
fn proxies_that_cannot_be_right() {
    refused(vec![
        (
            "the client's address is read from X-Real-IP, but from nobody: name the proxies that set it by \
             `.trusted_proxy(\"10.0.0.7\")`",
            one().forwarded_for_header("X-Real-IP"),
        ),
        (
            "two headers are to name the client's address; keep one `.forwarded_for_header(…)`",
            one()
                .trusted_proxy("10.0.0.7")
                .forwarded_for_header("Forwarded")
                .forwarded_for_header("X-Real-IP"),
        ),
        (
            "two headers are to name the protocol; keep one `.forwarded_proto_header(…)`",
            one().forwarded_proto_header("Forwarded").forwarded_proto_header("X-Scheme"),
        ),
        (
            "the header cookie means something else; name one that only proxies set, like x-forwarded-for",
            one().trusted_proxy("10.0.0.7").forwarded_for_header("Cookie"),
        ),
        (
            "a header that a proxy sets has letters, digits and '-', like X-Real-IP, and not \"X_Scheme\"",
            one().forwarded_proto_header("X_Scheme"),
        ),
        (
            "\"0.0.0.0/0\" covers (almost) all addresses: anybody could then choose its own address; name the proxy's address",
            one().trusted_proxy("0.0.0.0/0"),
        ),
    ]);
    assert!(one().trusted_proxy("unix:").forwarded_for_header("X-Real-IP").build().is_ok());
}

#[test]
fn confirmations_that_cannot_be_right() {
    let second = Duration::from_secs(1);
    let confirmed = |builder: AuthBuilder<Account>, name: &str, every: Duration| {
        builder.confirm(name, Authority::default(), Confirmation::every(every))
    };
    let sites = || with(|sessions| sessions.absolute_timeout(second * 3600));
    let often = "users can be confirmed every 10 s at most: use a longer interval";
    let rarely = "sessions end before they are confirmed: use an interval below the absolute timeout";
    refused(vec![
        (often, confirmed(sites(), "local", Duration::ZERO)),
        (often, confirmed(sites(), "local", Duration::from_millis(9_999))),
        (rarely, confirmed(sites(), "local", second * 3600)),
        (rarely, confirmed(sites(), "local", Duration::MAX)),
        (
            "the users of \"lokal\" are confirmed, but no backend has this name",
            confirmed(sites(), "lokal", second * 900),
        ),
        (
            "the users of \"local\" are confirmed twice; keep one `.confirm(…)`",
            confirmed(confirmed(sites(), "local", second * 900), "local", second * 900),
        ),
        (
            "users of sessions are confirmed, and there are none; add `.sessions(…)` or drop `.confirm(…)`",
            confirmed(one(), "local", second * 900),
        ),
    ]);
    let endless = Confirmation::every(second * 3599).grace(Duration::MAX);
    assert!(sites().confirm("local", Authority::default(), endless).build().is_ok());
    assert!(
        confirmed(empty(), "local", second * 900)
            .backend::<Password>("local", accepting())
            .sessions(MemorySessions::new(1), SessionConfig::new(keys()),)
            .build()
            .is_ok(),
        "in whatever order"
    );
}

#[test]
fn pages_and_origins_that_cannot_be_right() {
    let page = |page: &str| {
        format!("the login page must be a path like /login or an absolute URL, and not {page:?}")
    };
    for bad in ["login", "//evil.example/login", "javascript:x", "/login#x", "/a b", "/\\x", "/a\r\nb"] {
        assert_eq!(one().login_page(bad).build().unwrap_err().to_string(), page(bad));
    }
    refused(vec![
        (
            "a login page on another host must know where to come back to: add `.origin(\"https://…\")`",
            one().login_page("https://login.example/"),
        ),
        ("the next field's name must have letters, digits, '-' or '_'", one().next_field("a&b")),
    ]);
    for bad in [
        "example.com",
        "https://*.example.com",
        "https://a/b",
        "ftp://a",
        "wss://a",
        "*",
        "null",
        "https://u@a",
    ] {
        for builder in [one().origin(bad), one().next_origin(bad), one().trusted_origin(bad)] {
            let text = builder.build().unwrap_err().to_string();
            assert!(text.starts_with(&format!("no browser sends {bad:?} as its origin: ")), "{text}");
        }
    }
    let app = "capacitor://localhost";
    assert!(one().trusted_origin(app).build().is_ok());
    for builder in [one().origin(app), one().next_origin(app)] {
        let text = builder.build().unwrap_err().to_string();
        assert!(text.starts_with("a site's origin is like https://example.com"), "{text}");
    }
    let sessions = |config: SessionConfig| one().sessions(MemorySessions::new(1), config);
    let in_the_clear = |config| sessions(config).origin("http://example.com").build();
    let text = in_the_clear(SessionConfig::new(keys())).unwrap_err().to_string();
    assert!(
        text.starts_with("the site is at http://example.com, and browsers keep its cookies only over TLS"),
        "{text}"
    );
    assert!(in_the_clear(SessionConfig::new(keys()).insecure_cookies()).is_ok());
    assert!(sessions(SessionConfig::new(keys())).origin("http://localhost:3000").build().is_ok());
    for bad in ["a\r\nb", "\u{e4}", "tab\t"] {
        assert!(Basic::new(bad).is_err(), "{bad:?}");
    }
}

/// The first mistake is the one that is told.
#[test]
fn the_first_mistake_is_told() {
    let two = one().backend::<Password>("local", accepting()).backend::<Password>("a b", accepting());
    assert!(two.build().unwrap_err().to_string().starts_with("two backends"));
}
