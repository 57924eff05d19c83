//! Sealed cookies as a browser meets them.

use std::borrow::Cow;
use std::error::Error;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::random::{OsRandom, RandomError};
use crate::session::SessionConfig;

const OLD: &[u8] = b"the secret that was used before..";
const NEW: &[u8] = b"the secret that is used from today";
const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
const MINUTE: Duration = Duration::from_secs(60);
const MILLISECOND: Duration = Duration::from_millis(1);

fn ring(secret: &[u8]) -> KeyRing {
    KeyRing::new(secret).unwrap()
}

fn cookies(purpose: &str) -> SealedCookies {
    SealedCookies::new(&ring(OLD), &Purpose::new(purpose).unwrap())
}

/// The cookies of one browser, in the order in which they were first set.
#[derive(Clone, Default)]
struct Browser(Vec<(String, String)>);

impl Browser {
    /// Does what `Set-Cookie` asks for (RFC 6265bis §5.7).
    fn take(&mut self, set: SetCookies) {
        for value in set {
            let (pair, attributes) = value.split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            let known = self.0.iter().position(|(known, _)| known == name);
            match known {
                Some(at) if attributes.ends_with("Max-Age=0") => drop(self.0.remove(at)),
                Some(at) => self.0[at].1 = value.to_owned(),
                None if attributes.ends_with("Max-Age=0") => {}
                None => self.0.push((name.to_owned(), value.to_owned())),
            }
        }
    }

    /// The `Cookie` headers that it sends: HTTP/2 may have one for each.
    fn headers(&self) -> Vec<String> {
        self.0.iter().map(|(name, value)| format!("{name}={value}")).collect()
    }

    fn seal(&mut self, cookies: &SealedCookies, payload: &[u8], now: Timestamp) {
        self.take(cookies.seal(&self.headers(), payload, MINUTE, now, &OsRandom).unwrap());
    }

    /// What opens, newest first.
    fn open(&self, cookies: &SealedCookies, now: Timestamp) -> Vec<String> {
        let text = |opened: &Opened| String::from_utf8(opened.payload().to_vec()).unwrap();
        cookies.open(&self.headers(), now).iter().map(text).collect()
    }
}

/// A browser with one sealed cookie.
fn with_one(cookies: &SealedCookies) -> Browser {
    let mut browser = Browser::default();
    browser.seal(cookies, b"payload", NOW);
    browser
}

fn second(n: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(n))
}

#[test]
fn attributes_are_the_same_when_set_and_removed() {
    let secure = "; Path=/; Secure; HttpOnly; SameSite=Lax";
    let insecure = "; Path=/; HttpOnly; SameSite=Lax";
    let table = [
        (cookies("shop.x"), "__Host-application-shop.x-", secure),
        (cookies("shop.x").insecure_cookies(), "application-shop.x-", insecure),
        (SealedCookies::new(&ring(OLD), &Purpose::of_core("x")), "__Host-auth-core-x-", secure),
    ];
    for (cookies, prefix, attributes) in table {
        let lifetime = MINUTE + MILLISECOND;
        let set = cookies.seal(&Browser::default().headers(), b"payload", lifetime, NOW, &OsRandom).unwrap();
        let [set] = <[String; 1]>::try_from(set.0).unwrap();
        let (name, rest) = set.split_at(prefix.len() + 8);
        assert!(name.starts_with(prefix) && rest.starts_with('='), "{set}");
        assert!(set.ends_with(&format!("{attributes}; Max-Age=61")), "{set}");
        let mut browser = Browser::default();
        browser.take(SetCookies(vec![set.clone()]));
        let removed = cookies.open(&browser.headers(), NOW)[0].remove();
        assert_eq!(removed.0, [format!("{name}={attributes}; Max-Age=0")]);
        browser.take(removed);
        assert!(browser.0.is_empty());
    }
}

/// Every cookie offered in every slot, also under the name that one expects there.
#[test]
fn a_cookie_of_one_purpose_is_nothing_in_another() {
    let names = ["x", "y", "x.y", "x-y", "x-00000000", "auth-core", "application"];
    let purposes: Vec<_> =
        names.iter().flat_map(|name| [Purpose::new(*name).unwrap(), Purpose::of_core(name)]).collect();
    let slots: Vec<_> = [OLD, NEW]
        .iter()
        .flat_map(|secret| purposes.iter().map(|purpose| SealedCookies::new(&ring(secret), purpose)))
        .flat_map(|cookies| [cookies.clone(), cookies.insecure_cookies()])
        .collect();
    for (from, sealing) in slots.iter().enumerate() {
        let browser = with_one(sealing);
        let (name, value) = browser.0[0].clone();
        let id = &name[name.len() - 8..];
        for (to, opening) in slots.iter().enumerate() {
            let renamed = Browser(vec![(format!("{}{id}", opening.prefix), value.clone())]);
            for offered in [&browser, &renamed] {
                let opened = offered.open(opening, NOW).len();
                assert_eq!(opened, usize::from(from == to), "{sealing:?} in {opening:?}: {:?}", offered.0);
            }
            // Nor by its key, were it looked for by the same name.
            let by_key = SealedCookies { prefix: sealing.prefix.clone(), ..opening.clone() };
            assert_eq!(browser.open(&by_key, NOW).len(), usize::from(from / 2 == to / 2), "{sealing:?}");
        }
    }
}

#[test]
fn it_opens_until_it_expires() {
    let cookies = cookies("x");
    let browser = with_one(&cookies);
    let end = NOW.plus(MINUTE);
    assert_eq!(cookies.open(&browser.headers(), NOW)[0].expires(), end);
    let last = Timestamp::from_millis(end.as_millis() - 1);
    let table = [(NOW, 1), (last, 1), (end, 0), (end.plus(MINUTE), 0)];
    for (now, expected) in table {
        assert_eq!(browser.open(&cookies, now).len(), expected, "{now:?}");
    }
    let mut browser = Browser::default();
    let set = cookies.seal(&browser.headers(), b"", Duration::ZERO, NOW, &OsRandom).unwrap();
    browser.take(SetCookies(set.into_iter().map(|value| value.replace("Max-Age=0", "Max-Age=1")).collect()));
    assert_eq!((browser.0.len(), browser.open(&cookies, NOW).len()), (1, 0));
}

#[test]
fn clocks_may_differ_a_little() {
    let cookies = cookies("x");
    for (ahead, expected) in [(SessionConfig::CLOCK_SKEW, 1), (SessionConfig::CLOCK_SKEW + MILLISECOND, 0)] {
        let mut browser = Browser::default();
        browser.seal(&cookies, b"payload", NOW.plus(ahead));
        assert_eq!(browser.open(&cookies, NOW).len(), expected, "{ahead:?}");
    }
}

#[test]
fn the_sixth_replaces_the_oldest() {
    let mut browser = Browser::default();
    let (cookies, longer) = (cookies("x"), cookies("x-y"));
    let ours = SealedCookies::new(&ring(OLD), &Purpose::of_core("x"));
    for n in 0..5 {
        browser.seal(&longer, b"other", second(n));
        browser.seal(&ours, b"other", second(n));
    }
    // The order of cookies is not that of their age.
    for n in [1, 0, 2, 4, 3, 5] {
        browser.seal(&cookies, n.to_string().as_bytes(), second(n));
    }
    assert_eq!(browser.open(&cookies, second(5)), ["5", "4", "3", "2", "1"]);
    assert_eq!([&longer, &ours].map(|others| browser.open(others, second(5)).len()), [5, 5]);
    assert_eq!(browser.0.len(), 15);
}

#[test]
fn what_does_not_open_makes_room_first() {
    let cookies = cookies("x");
    let junk = |n: usize| (format!("{}{n:08x}", cookies.prefix), "junk".to_owned());
    let mut browser = Browser(vec![("session".into(), "a".into()), junk(0)]);
    for n in 0..4 {
        browser.seal(&cookies, n.to_string().as_bytes(), second(n));
    }
    assert_eq!(browser.open(&cookies, second(5)), ["3", "2", "1", "0"]);
    assert_eq!(browser.0.len(), 6, "there was room for all");
    browser.0.insert(3, junk(1));
    browser.seal(&cookies, b"4", second(4));
    assert_eq!(browser.open(&cookies, second(5)), ["4", "3", "2", "1", "0"]);
    assert_eq!(browser.0.len(), 6, "but not for junk");
}

#[test]
fn two_values_of_one_name_are_nothing_and_make_room() {
    let cookies = cookies("x");
    let mut browser = with_one(&cookies);
    let twice = Browser(vec![browser.0[0].clone(); 2]);
    assert_eq!(twice.open(&cookies, NOW), ["payload"]);
    for n in 0..4 {
        browser.seal(&cookies, b"good", second(n));
    }
    let name = browser.0[0].0.clone();
    browser.0.push((name.clone(), "junk".into()));
    assert_eq!(browser.open(&cookies, second(4)), ["good"; 4]);
    let set = cookies.seal(&browser.headers(), b"good", MINUTE, second(4), &OsRandom).unwrap();
    assert!(set.0[0].starts_with(&format!("{name}=;")), "{:?}", set.0);
    assert_eq!(set.0.len(), 2);
}

/// A browser with more would be kept out altogether: servers refuse long headers.
#[test]
fn large_ones_are_fewer() {
    let cookies = cookies("x");
    let mut browser = Browser::default();
    let payload = [b'a'; SealedCookies::MAX_PAYLOAD / 2];
    for n in 0..10 {
        browser.seal(&cookies, &payload, second(n));
        let total: usize = browser.0.iter().map(|(name, value)| name.len() + value.len()).sum();
        assert!(total <= SealedCookies::MAX_TOTAL, "{total}");
    }
    assert_eq!(browser.0.len(), 2);
}

#[test]
fn payloads_are_bounded() {
    let cookies = cookies(&"x".repeat(Purpose::MAX_LEN));
    let (headers, payload) = (Browser::default().headers(), [b'a'; SealedCookies::MAX_PAYLOAD + 1]);
    let seal = |payload| cookies.seal(&headers, payload, MINUTE * 60 * 24 * 365, NOW, &OsRandom);
    let set = seal(&payload[1..]).unwrap();
    assert!(set.0[0].len() < 3 * 1024, "{}", set.0[0].len());
    let mut browser = Browser::default();
    browser.take(set);
    assert_eq!(browser.open(&cookies, NOW)[0].len(), SealedCookies::MAX_PAYLOAD);
    let error = seal(&payload).unwrap_err();
    assert_eq!(error.kind(), SealErrorKind::TooLarge);
    assert!(error.to_string().contains(&SealedCookies::MAX_PAYLOAD.to_string()) && error.source().is_none());
}

#[test]
fn fallbacks_open_and_removed_keys_do_not() {
    let purpose = Purpose::new("x").unwrap();
    let of = |ring: KeyRing| SealedCookies::new(&ring, &purpose);
    let (old, new) = (of(ring(OLD)), of(ring(NEW)));
    let both = of(ring(NEW).with_fallback(OLD).unwrap());
    let before = with_one(&old);
    assert_eq!([&old, &both, &new].map(|cookies| before.open(cookies, NOW).len()), [1, 1, 0]);
    let after = with_one(&both);
    assert_eq!([&old, &both, &new].map(|cookies| after.open(cookies, NOW).len()), [0, 1, 1]);
}

/// Hands out the same bytes each time, but for the call that fails.
struct Fixed {
    calls: AtomicUsize,
    failing: Option<usize>,
}

impl Fixed {
    fn failing(call: impl Into<Option<usize>>) -> Self {
        Self { calls: AtomicUsize::new(0), failing: call.into() }
    }
}

impl Random for Fixed {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomError> {
        bytes.fill(7);
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        if self.failing == Some(call) { Err(RandomError) } else { Ok(()) }
    }
}

#[test]
fn nothing_is_sealed_without_random_numbers() {
    let (cookies, headers) = (cookies("x"), Browser::default().headers());
    let seal = |random: &Fixed| cookies.seal(&headers, b"", MINUTE, NOW, random);
    let good = Fixed::failing(None);
    assert!(seal(&good).is_ok());
    for call in 0..good.calls.into_inner() {
        let error = seal(&Fixed::failing(call)).unwrap_err();
        assert_eq!(error.kind(), SealErrorKind::Random);
        assert_eq!(error.source().unwrap().to_string(), RandomError.to_string());
    }
}

/// The new one stays, also where it makes itself room.
#[test]
fn one_that_is_called_as_another_replaces_it() {
    let (cookies, random) = (cookies("x"), Fixed::failing(None));
    let mut browser = Browser::default();
    for payload in ["first", "second"] {
        browser.take(cookies.seal(&browser.headers(), payload.as_bytes(), MINUTE, NOW, &random).unwrap());
        assert_eq!(browser.open(&cookies, NOW), [payload]);
    }
    browser.0[0].1 = "junk".into();
    for n in 0..4 {
        browser.seal(&cookies, b"other", second(n));
    }
    browser.take(cookies.seal(&browser.headers(), b"third", MINUTE, second(4), &random).unwrap());
    assert_eq!(browser.open(&cookies, second(4)), ["third", "other", "other", "other", "other"]);
}

#[test]
fn debug_shows_names_and_no_values() {
    let (cookies, mut browser) = (cookies("x"), Browser::default());
    browser.seal(&cookies, b"canary-7f3a", NOW);
    let opened = cookies.open(&browser.headers(), NOW).remove(0);
    let (name, value) = &browser.0[0];
    let set = SetCookies(vec![format!("{name}={value}")]);
    let shown = format!("{cookies:?} {opened:?} {set:?} {:?}", opened.remove());
    assert!(shown.contains(name) && shown.contains("(11 bytes)"), "{shown}");
    let key = format!("{:?}", cookies.keys.current().expose());
    for hidden in ["canary", "99, 97, 110", &value[..8], &key[1..20]] {
        assert!(!shown.contains(hidden), "{hidden} is shown: {shown}");
    }
}

/// A response with these `Cache-Control` and `Set-Cookie`.
#[derive(Default)]
struct Response(Vec<(ResponseHeader, String)>);

impl ResponseView for Response {
    fn status(&self) -> u16 {
        303
    }

    fn values(&self, header: ResponseHeader, each: &mut dyn FnMut(&[u8])) {
        self.0.iter().filter(|(own, _)| *own == header).for_each(|(_, value)| each(value.as_bytes()));
    }

    fn set(&mut self, header: ResponseHeader, value: Cow<'static, str>) {
        self.0.retain(|(own, _)| *own != header);
        self.append(header, value);
    }

    fn set_if_absent(&mut self, header: ResponseHeader, value: Cow<'static, str>) -> bool {
        let is_absent = self.0.iter().all(|(own, _)| *own != header);
        if is_absent {
            self.append(header, value);
        }
        is_absent
    }

    fn append(&mut self, header: ResponseHeader, value: Cow<'static, str>) {
        self.0.push((header, value.into_owned()));
    }
}

#[test]
fn a_response_keeps_its_cookies_and_is_kept_by_no_cache() {
    let cookies = |names: [&str; 2]| SetCookies(names.map(String::from).into());
    let mut response = Response(vec![
        (ResponseHeader::SetCookie, "own=1".into()),
        (ResponseHeader::CacheControl, "max-age=60".into()),
    ]);
    cookies(["a=1", "b=2"]).write(&mut response);
    let expected = [
        (ResponseHeader::SetCookie, "own=1"),
        (ResponseHeader::SetCookie, "a=1"),
        (ResponseHeader::SetCookie, "b=2"),
        (ResponseHeader::CacheControl, "max-age=60, no-store"),
    ];
    assert_eq!(response.0, expected.map(|(header, value)| (header, value.to_owned())));
}
