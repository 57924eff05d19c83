//! Sealed cookies: what one browser carries from one request to the next before anybody is signed in.
//!
//! A sign-in by way of another site, or the challenge for a passkey, has to be remembered until the browser comes back.
//! [`SealedCookies`] lets the browser itself remember it, so that strangers cannot fill a table on the server. It can
//! neither read nor change what it keeps, and what is sealed for one [`Purpose`] opens for no other.
//!
//! | a sealed cookie | |
//! |---|---|
//! | is called | `__Host-application-<purpose>-<8 hexadecimal digits>`, a name of its own for each tab |
//! | has | `Path=/; Secure; HttpOnly; SameSite=Lax`, whatever the session's cookie has: it comes along when another site sends the browser back by a link or a redirect, but not by a form |
//! | holds | when it was issued, when it expires, and up to [`SealedCookies::MAX_PAYLOAD`] bytes |
//! | exists | at most [`SealedCookies::MAX_PER_BROWSER`] times for each purpose in one browser: the oldest makes room |
//!
//! **It can be presented again** until it expires, by whoever has it: asking a browser to forget it is tidiness. What must
//! happen only once has to be noted on the server.
//!
//! The cipher is XChaCha20-Poly1305 ([draft-irtf-cfrg-xchacha], on top of [RFC 8439]), with the cookie's name as associated
//! data. The `__Host-` prefix ([RFC 6265bis], §4.1.3.2) keeps other hosts of the domain from setting such a cookie.
//!
//! ```
//! use std::time::Duration;
//!
//! use auth_core::http::sealed::SealedCookies;
//! use auth_core::random::OsRandom;
//! use auth_core::session::{KeyRing, Purpose};
//! use auth_core::time::{Clock, SystemClock};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let ring = KeyRing::new(b"a secret of at least 32 bytes....")?;
//! let invites = SealedCookies::new(&ring, &Purpose::new("shop.invites")?);
//!
//! // The values of the request's `Cookie` headers: `headers.get_all(COOKIE)` on axum and actix-web.
//! let cookies = ["theme=dark"];
//! let ten_minutes = Duration::from_secs(600);
//! let set = invites.seal(cookies, b"from alice", ten_minutes, SystemClock.now(), &OsRandom)?;
//! // One `Set-Cookie` header for each; and `Cache-Control: no-store`.
//! let headers: Vec<String> = set.into_iter().collect();
//!
//! // When the browser comes back.
//! # let cookies = [headers[0].split(';').next().unwrap()];
//! let found = invites.open(cookies, SystemClock.now());
//! assert_eq!(found[0].payload(), b"from alice");
//! let headers: Vec<String> = found[0].remove().into_iter().collect();
//! # Ok(())
//! # }
//! ```
//!
//! [draft-irtf-cfrg-xchacha]: https://datatracker.ietf.org/doc/html/draft-irtf-cfrg-xchacha
//! [RFC 8439]: https://www.rfc-editor.org/rfc/rfc8439
//! [RFC 6265bis]: https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis

mod envelope;
mod error;
mod find;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::fmt;
use std::time::Duration;

use super::caching::forbid_caching;
use super::{Header, RequestView, ResponseHeader, ResponseView};
use crate::hidden;
use crate::random::Random;
use crate::session::{Cookie, KeyRing, Purpose, PurposeKeys, SameSite};
use crate::time::Timestamp;
use envelope::Envelope;
pub use error::{SealError, SealErrorKind};
use find::{Found, find};

/// The sealed cookies of one [`Purpose`]: makes, opens and removes them.
#[derive(Clone)]
pub struct SealedCookies {
    keys: PurposeKeys,
    /// Their names, but for the digits at the end.
    prefix: String,
    secure: bool,
}

impl SealedCookies {
    /// The longest payload, in bytes. The whole cookie stays below 3 KiB.
    pub const MAX_PAYLOAD: usize = 2048;
    /// The most cookies of one purpose in one browser.
    pub const MAX_PER_BROWSER: usize = 5;
    /// The most bytes that names and values of those have together: of large ones there are fewer. Many servers refuse
    /// every request whose headers are longer than 8 KiB.
    pub const MAX_TOTAL: usize = 4096;

    /// Those of this purpose. They are sealed with the ring's current key; what its fallbacks sealed still opens.
    pub fn new(ring: &KeyRing, purpose: &Purpose) -> Self {
        let [owner, name] = purpose.parts();
        Self { keys: ring.keys_for(purpose), prefix: format!("__Host-{owner}-{name}-"), secure: true }
    }

    /// Development without TLS: drops `Secure` and the `__Host-` prefix, as
    /// [`SessionConfig::insecure_cookies`](crate::SessionConfig::insecure_cookies) does for the session's.
    #[must_use]
    pub fn insecure_cookies(mut self) -> Self {
        self.prefix = self.prefix.trim_start_matches("__Host-").to_owned();
        self.secure = false;
        self
    }

    /// Seals `payload` in a new cookie for the browser that sent these `Cookie` headers.
    ///
    /// It opens until `lifetime` after `now`. If those of the purpose that the browser has leave no room, the ones that do not
    /// open go first, then the oldest.
    ///
    /// # Errors
    /// [`SealError`] if the payload is longer than [`Self::MAX_PAYLOAD`], or the random source fails.
    pub fn seal<'a, L: AsRef<[u8]> + ?Sized + 'a>(
        &self,
        cookies: impl IntoIterator<Item = &'a L>,
        payload: &[u8],
        lifetime: Duration,
        now: Timestamp,
        random: &dyn Random,
    ) -> Result<SetCookies, SealError> {
        let mut id = [0; 4];
        random.fill(&mut id)?;
        let name = format!("{}{:08x}", self.prefix, u32::from_be_bytes(id));
        let value = self.value(&name, payload, [now, now.plus(lifetime)], random)?;
        let others = find(cookies, &self.prefix);
        let mut set = self.make_room(others, now, name.len() + value.len());
        // Last: should one that makes room have the same name, it is this one that stays.
        set.push(self.cookie(name).set(&value, Some(lifetime)));
        Ok(SetCookies(set))
    }

    /// Seals something else in the cookie that was opened.
    pub(crate) fn seal_again(
        &self,
        opened: &Opened,
        payload: &[u8],
        lifetime: Duration,
        now: Timestamp,
        random: &dyn Random,
    ) -> Result<String, SealError> {
        let value = self.value(&opened.cookie.name, payload, [now, now.plus(lifetime)], random)?;
        Ok(opened.cookie.set(&value, Some(lifetime)))
    }

    fn value(
        &self,
        name: &str,
        payload: &[u8],
        times: [Timestamp; 2],
        random: &dyn Random,
    ) -> Result<String, SealError> {
        let mut nonce = [0; envelope::NONCE_LEN];
        random.fill(&mut nonce)?;
        envelope::seal(payload, times, self.keys.current(), &nonce, name)
    }

    /// What opens of a request's `Cookie` headers, newest first.
    ///
    /// One that was sealed for another purpose or with another key, was changed, has expired, or comes from the future
    /// (by more than [`SessionConfig::CLOCK_SKEW`](crate::SessionConfig::CLOCK_SKEW)) is not among them, and nothing tells
    /// which of these it was. Of very many cookies the last 32 are looked at.
    pub fn open<'a, L: AsRef<[u8]> + ?Sized + 'a>(
        &self,
        cookies: impl IntoIterator<Item = &'a L>,
        now: Timestamp,
    ) -> Vec<Opened> {
        let found = find(cookies, &self.prefix);
        let mut opened: Vec<_> = found.iter().filter_map(|found| self.open_one(found, now)).collect();
        opened.sort_by_key(|opened| Reverse(opened.envelope.issued));
        opened
    }

    fn open_one(&self, found: &Found<'_>, now: Timestamp) -> Option<Opened> {
        let envelope = envelope::open(found.value?, &self.keys, found.name)?;
        envelope.is_valid(now).then(|| Opened { cookie: self.cookie(found.name.to_owned()), envelope })
    }

    /// The removal of those that are too many beside a new one of this length.
    fn make_room(&self, mut others: Vec<Found<'_>>, now: Timestamp, len: usize) -> Vec<String> {
        // Newest first; what does not open comes last.
        others.sort_by_cached_key(|found| {
            Reverse(self.open_one(found, now).map(|opened| opened.envelope.issued))
        });
        let (mut count, mut total) = (1, len);
        let fits = |found: &Found<'_>| {
            count += 1;
            total += found.len();
            count <= Self::MAX_PER_BROWSER && total <= Self::MAX_TOTAL
        };
        let displaced = others.into_iter().skip_while(fits);
        displaced.map(|found| self.cookie(found.name.to_owned()).remove()).collect()
    }

    /// What their names begin with.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    fn cookie(&self, name: String) -> Cookie {
        Cookie { name, secure: self.secure, same_site: SameSite::Lax, partitioned: false, clear_site: false }
    }
}

impl fmt::Debug for SealedCookies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedCookies").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

/// Those of a request's cookies whose names begin so, as one `Cookie` header would have them.
pub(crate) fn those_of(view: &dyn RequestView, prefix: &str) -> Option<Box<[u8]>> {
    let mut lines: Vec<&[u8]> = Vec::new();
    view.values(Header::Cookie, &mut |line| lines.push(line));
    let found = find(lines.iter().copied(), prefix);
    let pairs = found.iter().filter_map(|found| Some([found.name.as_bytes(), found.value?].join(&b'=')));
    let pairs: Vec<_> = pairs.take(SealedCookies::MAX_PER_BROWSER).collect();
    (!pairs.is_empty()).then(|| pairs.join(&b"; "[..]).into())
}

/// A sealed cookie that was opened.
pub struct Opened {
    cookie: Cookie,
    envelope: Envelope,
}

impl Opened {
    /// What was sealed.
    pub fn payload(&self) -> &[u8] {
        &self.envelope.payload
    }

    /// When it stops opening.
    pub fn expires(&self) -> Timestamp {
        self.envelope.expires
    }

    /// Asks the browser to forget it. Whoever kept a copy can present it again.
    pub fn remove(&self) -> SetCookies {
        SetCookies(vec![self.cookie.remove()])
    }
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened")
            .field("cookie", &self.cookie.name)
            .field("payload", &hidden::text(self.payload()))
            .field("expires", &self.expires())
            .finish_non_exhaustive()
    }
}

/// Values of `Set-Cookie` headers, one header each.
#[must_use = "nothing happens before they are on a response"]
pub struct SetCookies(Vec<String>);

impl SetCookies {
    /// Adds them to a response, and keeps that out of caches.
    pub fn write(self, response: &mut dyn ResponseView) {
        for value in self {
            response.append(ResponseHeader::SetCookie, value.into());
        }
        forbid_caching(true, response);
    }
}

/// For a response that is no [`ResponseView`]. Send `Cache-Control: no-store` with it.
impl IntoIterator for SetCookies {
    type Item = String;
    type IntoIter = std::vec::IntoIter<String>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl fmt::Debug for SetCookies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SetCookies({})", self.0.len())
    }
}
