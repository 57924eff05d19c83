//! The HTTP side of an `Auth`'s configuration.

use std::any::TypeId;
use std::borrow::Cow;
use std::sync::Arc;

use super::base::BasePath;
use super::next::{encode, target};
use super::origin::{Origin, OriginRules};
use super::proxies::{Proxies, ProxiesBuilder};
use super::scheme::{Keeps, is_of};
use super::view::{HeaderName, Single};
use super::{Challenge, DeviceCookies, DynScheme, TrustedCookies};
use crate::session::Cookie;
use crate::{ConfigError, Require};

pub(crate) struct Settings<U> {
    pub(crate) cookie: Option<Cookie>,
    /// Those that name devices to the throttle, if there is one.
    pub(crate) devices: Option<DeviceCookies>,
    /// Those of browsers that are trusted, if any may be.
    pub(crate) trusted: Option<TrustedCookies>,
    pub(crate) schemes: Vec<Arc<dyn DynScheme<U>>>,
    pub(crate) origins: OriginRules,
    pub(crate) proxies: Proxies,
    /// Where browsers find the application.
    pub(crate) base: BasePath,
    /// Whether a scheme reads `Authorization`.
    pub(crate) reads_authorization: bool,
    /// Whether a session that began with a scheme's credentials goes on without them.
    pub(crate) is_persistent: bool,
    /// The headers in which a caller is looked for.
    pub(crate) vary: Cow<'static, str>,
    /// The same, and what [`Audience::of`](super::Audience::of) looks at.
    pub(crate) vary_of_refusals: Cow<'static, str>,
    /// What a 401 offers, each for a header of its own: schemes first, then the cookie.
    pub(crate) challenges: Vec<WayIn>,
    /// The last of them, if there are sessions.
    pub(crate) cookie_challenge: Option<String>,
    login_page: Option<String>,
    /// Where browsers are sent whose login lacks something.
    factor_page: Option<String>,
    next_field: String,
    next_origins: Vec<Origin>,
}

/// A challenge.
pub(crate) struct WayIn {
    pub(crate) text: String,
    /// The scheme, and what it offers to who presented credentials of it that were not accepted.
    pub(crate) again: Option<(&'static str, String)>,
    pub(crate) allows_cleartext: bool,
}

pub(crate) struct SettingsBuilder<U> {
    pub(crate) schemes: Vec<(TypeId, Arc<dyn DynScheme<U>>)>,
    pub(crate) login_page: Option<String>,
    pub(crate) factor_page: Option<String>,
    pub(crate) next_field: String,
    pub(crate) next_origins: Vec<String>,
    pub(crate) origin: Option<String>,
    pub(crate) trusted_origins: Vec<String>,
    pub(crate) base_path: Option<String>,
    pub(crate) base_path_header: Option<String>,
    pub(crate) proxies: ProxiesBuilder,
}

impl<U> SettingsBuilder<U> {
    pub(crate) fn new() -> Self {
        Self {
            schemes: Vec::new(),
            login_page: None,
            factor_page: None,
            next_field: "next".into(),
            next_origins: Vec::new(),
            origin: None,
            trusted_origins: Vec::new(),
            base_path: None,
            base_path_header: None,
            proxies: ProxiesBuilder::default(),
        }
    }

    pub(crate) fn build(
        self,
        cookie: Option<Cookie>,
        devices: Option<DeviceCookies>,
        trusted: Option<TrustedCookies>,
    ) -> Result<Settings<U>, ConfigError> {
        let own = self.origin.as_deref().map(Origin::of_site).transpose()?;
        check_own(own.as_ref(), cookie.as_ref())?;
        if let Some(page) = &self.login_page {
            check_login_page(page, own.is_some())?;
        }
        check_field(&self.next_field)?;
        let has_proxies = !self.proxies.trusted.is_empty();
        let base = BasePath::build(self.base_path.as_deref(), self.base_path_header.as_deref(), has_proxies)?;
        let login_page = self.login_page.as_deref().zip(base.fixed()).map(|(page, base)| below(base, page));
        let cookie_challenge =
            cookie.as_ref().map(|cookie| cookie_challenge(cookie, login_page.as_deref())).transpose()?;
        let proxies = self.proxies.build()?;
        let schemes: Vec<_> = self.schemes.into_iter().map(|(_, scheme)| scheme).collect();
        check_meanings(&proxies, &schemes)?;
        let mut challenges: Vec<_> = schemes.iter().filter_map(|scheme| WayIn::by(&**scheme)).collect();
        challenges.extend(cookie_challenge.clone().map(WayIn::cookie));
        let (vary, vary_of_refusals) = vary(&schemes, cookie.is_some());
        let is_persistent = |keeps| matches!(keeps, Keeps::Session { is_persistent: true });
        let schemes = in_order(schemes);
        Ok(Settings {
            challenges,
            vary,
            vary_of_refusals,
            reads_authorization: schemes.iter().any(|scheme| scheme.reads_authorization()),
            is_persistent: schemes.iter().any(|scheme| is_persistent(scheme.keeps())),
            proxies,
            base,
            cookie_challenge,
            schemes,
            origins: OriginRules {
                own,
                trusted: parse_all(&self.trusted_origins, Origin::parse)?,
                secure: cookie.as_ref().is_none_or(|cookie| cookie.secure),
            },
            cookie,
            devices,
            trusted,
            login_page: self.login_page,
            factor_page: self.factor_page,
            next_field: self.next_field,
            next_origins: parse_all(&self.next_origins, Origin::of_site)?,
        })
    }
}

/// Of schemes with one name, one that reads tokens is asked before one that does not: it knows its own by their form, and leaves
/// the rest.
fn in_order<U>(mut schemes: Vec<Arc<dyn DynScheme<U>>>) -> Vec<Arc<dyn DynScheme<U>>> {
    for at in 1..schemes.len() {
        let scheme = &schemes[at];
        let is_in_front = |other: &Arc<dyn DynScheme<U>>| {
            other.reads_authorization()
                && !other.reads_tokens()
                && other.name().eq_ignore_ascii_case(scheme.name())
        };
        let knows_its_own = scheme.reads_authorization() && scheme.reads_tokens();
        if let Some(before) = schemes[..at].iter().position(is_in_front).filter(|_| knows_its_own) {
            schemes[before..=at].rotate_right(1);
        }
    }
    schemes
}

impl WayIn {
    /// Whether it is Bearer (RFC 6750), whose clients understand what a token lacks.
    pub(crate) fn takes_tokens(&self) -> bool {
        self.text.split(' ').next().is_some_and(|scheme| scheme.eq_ignore_ascii_case("Bearer"))
    }

    fn by<U>(scheme: &dyn DynScheme<U>) -> Option<Self> {
        let (challenge, again) = (scheme.challenge()?, scheme.challenge_again()?);
        Some(Self {
            text: challenge.as_str().to_owned(),
            again: Some((scheme.name(), again.as_str().to_owned())),
            allows_cleartext: scheme.allows_cleartext(),
        })
    }

    fn cookie(text: String) -> Self {
        Self { text, again: None, allows_cleartext: true }
    }

    /// The text for who presented this `Authorization` in vain.
    pub(crate) fn after(&self, authorization: Single<'_>) -> &String {
        match (&self.again, authorization) {
            (Some((scheme, again)), Single::One(value)) if is_of(value, scheme) => again,
            _ => &self.text,
        }
    }
}

/// The headers in which a caller is looked for; and the same with what [`Audience::of`](super::Audience::of) looks at.
fn vary<U>(schemes: &[Arc<dyn DynScheme<U>>], has_cookie: bool) -> (Cow<'static, str>, Cow<'static, str>) {
    let all = || schemes.iter().flat_map(|scheme| scheme.headers());
    let mut headers: Vec<&str> = Vec::new();
    if schemes.iter().any(|scheme| scheme.reads_authorization()) {
        headers.push("Authorization");
    }
    if has_cookie {
        headers.push("Cookie");
    }
    for header in all().map(HeaderName::as_str).filter(|header| *header != "authorization") {
        if !headers.contains(&header) {
            headers.push(header);
        }
    }
    let vary = headers.join(", ");
    headers.extend(["Accept", "Sec-Fetch-Dest", "Sec-Fetch-Mode", "X-Requested-With"]);
    (shared(vary), shared(headers.join(", ")))
}

/// Those of most sites cost a response no memory of its own.
fn shared(vary: String) -> Cow<'static, str> {
    let usual = [
        "Cookie",
        "Authorization",
        "Authorization, Cookie",
        "Cookie, Accept, Sec-Fetch-Dest, Sec-Fetch-Mode, X-Requested-With",
        "Authorization, Accept, Sec-Fetch-Dest, Sec-Fetch-Mode, X-Requested-With",
        "Authorization, Cookie, Accept, Sec-Fetch-Dest, Sec-Fetch-Mode, X-Requested-With",
    ];
    usual.into_iter().find(|usual| **usual == *vary).map_or(Cow::Owned(vary), Cow::Borrowed)
}

fn parse_all(
    origins: &[String],
    parse: fn(&str) -> Result<Origin, ConfigError>,
) -> Result<Vec<Origin>, ConfigError> {
    origins.iter().map(|origin| parse(origin)).collect()
}

/// A path of the application as browsers see it.
pub(super) fn below<'a>(base: &str, path: &'a str) -> Cow<'a, str> {
    if base.is_empty() || !path.starts_with('/') { path.into() } else { format!("{base}{path}").into() }
}

/// What comes before another field of a page's query.
fn separator(page: &str) -> char {
    if page.contains('?') { '&' } else { '?' }
}

/// Pages of a site in the clear would never get its cookies.
fn check_own(own: Option<&Origin>, cookie: Option<&Cookie>) -> Result<(), ConfigError> {
    match own.filter(|own| !own.is_secure() && cookie.is_some_and(|cookie| cookie.secure)) {
        Some(own) => Err(ConfigError::new(format!(
            "the site is at {}, and browsers keep its cookies only over TLS: name its https:// origin, or allow \
             `.insecure_cookies()` for development",
            own.as_str()
        ))),
        None => Ok(()),
    }
}

/// A scheme that browsers pass over, so that a 401 of a cookie-only site names what would help
/// (RFC 9110 §15.5.2 asks for a challenge; draft-broyer-http-cookie-auth describes this one).
fn cookie_challenge(cookie: &Cookie, login_page: Option<&str>) -> Result<String, ConfigError> {
    let mut challenge = Challenge::new("Cookie");
    if let Some(page) = login_page {
        challenge = challenge.with("form-action", page)?;
    }
    Ok(challenge.with("cookie-name", &cookie.name)?.as_str().to_owned())
}

fn check_login_page(page: &str, has_origin: bool) -> Result<(), ConfigError> {
    let plain = page.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let is_path = page.starts_with('/') && !page.starts_with("//");
    let is_url = page.starts_with("https://") || page.starts_with("http://");
    if !plain || page.contains('#') || !(is_path || is_url) {
        return Err(ConfigError::new(format!(
            "the login page must be a path like /login or an absolute URL, and not {page:?}"
        )));
    }
    if is_url && !has_origin {
        return Err(ConfigError::new(
            "a login page on another host must know where to come back to: add `.origin(\"https://…\")`",
        ));
    }
    Ok(())
}

fn check_field(field: &str) -> Result<(), ConfigError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if field.is_empty() || !field.bytes().all(plain) {
        return Err(ConfigError::new("the next field's name must have letters, digits, '-' or '_'"));
    }
    Ok(())
}

/// One header cannot name both the user and the address.
fn check_meanings<U>(proxies: &Proxies, schemes: &[Arc<dyn DynScheme<U>>]) -> Result<(), ConfigError> {
    let mut names = schemes.iter().flat_map(|scheme| scheme.headers());
    match names.find(|name| proxies.reads(name)).map(HeaderName::as_str) {
        Some(name) => Err(ConfigError::new(format!(
            "the header {name} is named for the user, and for the address or the protocol of the client; one of them is \
             another's"
        ))),
        None => Ok(()),
    }
}

impl<U> Settings<U> {
    /// Where to go after a login in the application at `base`: the validated `next`, if it may be followed.
    pub(crate) fn next_or(&self, base: &str, next: Option<&str>, default: &str) -> String {
        let next = next.and_then(|next| target(next, self.origins.own.as_ref(), &self.next_origins, base));
        next.map_or_else(|| below(base, default).into_owned(), ToOwned::to_owned)
    }

    /// The login page with where to go afterwards; `None` if there is no login page.
    pub(crate) fn login_url(&self, require: &Require, came_from: Option<&str>, base: &str) -> Option<String> {
        let page = require.login_page.as_deref().or(self.login_page.as_deref())?;
        Some(self.with_next(page, require, came_from, base))
    }

    /// The page that asks for what a login lacks, in the same way.
    pub(crate) fn factor_url(
        &self,
        require: &Require,
        came_from: Option<&str>,
        base: &str,
    ) -> Option<String> {
        Some(self.with_next(self.factor_page.as_deref()?, require, came_from, base))
    }

    /// The same after a login, with where its form wanted to go.
    pub(crate) fn factor_url_of(&self, next: Option<&str>, base: &str) -> Option<String> {
        let page = below(base, self.factor_page.as_deref()?);
        let next = next.and_then(|next| target(next, self.origins.own.as_ref(), &self.next_origins, base));
        // A path that is relative to the login page leads somewhere else from here.
        let next = next.filter(|next| next.starts_with('/') || next.contains("://"));
        Some(match next {
            Some(next) => format!("{page}{}{}={}", separator(&page), self.next_field, encode(next)),
            None => page.into_owned(),
        })
    }

    /// A page with where to go afterwards.
    fn with_next(&self, page: &str, require: &Require, came_from: Option<&str>, base: &str) -> String {
        let page = below(base, page);
        let came_from = came_from.and_then(|from| target(from, None, &[], ""));
        let Some(from) = came_from else { return page.into_owned() };
        let field = require.next_field.as_deref().unwrap_or(&self.next_field);
        let separator = separator(&page);
        let origin = match &self.origins.own {
            Some(own) if self.is_elsewhere(&page) => own.as_str(),
            _ => "",
        };
        format!("{page}{separator}{field}={}", encode(&format!("{origin}{}", below(base, from))))
    }

    /// Whether the login page is on another origin, which then needs an absolute `next`.
    fn is_elsewhere(&self, page: &str) -> bool {
        !page.starts_with('/') && self.origins.own.as_ref().and_then(|own| own.strip(page)).is_none()
    }
}
