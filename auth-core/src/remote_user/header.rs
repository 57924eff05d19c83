//! Which headers count, and from whom.

use super::RemoteUser;
use crate::ConfigError;
use crate::http::{Header, Keeps, MAX_NAME_LEN, Peers, Read, RequestView, Scheme, is_plain_name};

/// The header in which a proxy names the user, and the proxies that are believed.
///
/// ```
/// use auth_core::remote_user::RemoteUserHeader;
///
/// let authelia = RemoteUserHeader::new("Remote-User")?
///     .email("Remote-Email")?
///     .name("Remote-Name")?
///     .groups("Remote-Groups")?
///     .trusted_peer("10.0.0.7")?;
/// # Ok::<(), auth_core::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "it does nothing until `AuthBuilder::scheme` takes it"]
pub struct RemoteUserHeader {
    /// The one with the user's name is the first.
    pub(super) headers: Vec<(Field, Box<str>)>,
    pub(super) peers: Peers,
    persistent: bool,
}

/// What a header holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Username,
    Email,
    Name,
    Groups,
}

impl Field {
    pub(super) const COUNT: usize = 4;
}

/// Headers that mean something else, besides those that core reads: nobody's name is in them.
const TAKEN: [&str; 20] = [
    "connection",
    "content-length",
    "date",
    "expect",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "range",
    "referer",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "via",
    "x-forwarded",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-server",
    "x-real-ip",
];

impl RemoteUserHeader {
    /// The longest name of a header, in bytes.
    pub const MAX_NAME_LEN: usize = MAX_NAME_LEN;

    /// A header of this name, believed from nobody yet: add [`trusted_peer`](Self::trusted_peer) or
    /// [`trusted_unix_socket`](Self::trusted_unix_socket).
    ///
    /// # Errors
    /// [`ConfigError`] if the name has anything but letters, digits and `-`, or means something else in HTTP.
    pub fn new(name: &str) -> Result<Self, ConfigError> {
        let none = Self { headers: Vec::new(), peers: Peers::default(), persistent: false };
        none.with(Field::Username, name)
    }

    /// Believes the proxy at this address or in this network, as `10.0.0.7` or `10.0.0.0/8`: whoever connects from there
    /// can be anybody. Who it is is decided by the socket's other end, so the server must know it (axum:
    /// `into_make_service_with_connect_info::<SocketAddr>()`).
    ///
    /// # Errors
    /// [`ConfigError`] if it is no address or network, or nearly all of them.
    pub fn trusted_peer(mut self, peer: &str) -> Result<Self, ConfigError> {
        self.peers.networks.add("trusted peer", "be any user; name the proxy's address", peer)?;
        Ok(self)
    }

    /// Believes whoever connects through the Unix socket that this server listens on: who that can be, the socket's file
    /// and its folder say. The server must tell that a request came that way (`UnixSocket` in `auth-tower` and
    /// `auth-actix`).
    pub fn trusted_unix_socket(mut self) -> Self {
        self.peers.unix_socket = true;
        self
    }

    /// Keeps a session when requests come without the header (default: they end it): for a proxy that sends it only on
    /// some paths, say that of the login. Who leaves the proxy then stays signed in here until they log out or the
    /// session's time is over.
    pub fn persistent(mut self) -> Self {
        self.persistent = true;
        self
    }

    /// The header with the e-mail address. Nobody says that it was verified.
    ///
    /// # Errors
    /// As [`new`](Self::new), or if it is named already.
    pub fn email(self, name: &str) -> Result<Self, ConfigError> {
        self.with(Field::Email, name)
    }

    /// The header with the name as people write it.
    ///
    /// # Errors
    /// As [`new`](Self::new), or if it is named already.
    pub fn name(self, name: &str) -> Result<Self, ConfigError> {
        self.with(Field::Name, name)
    }

    /// The header with the groups, separated by commas. They are read when a session begins. Without the header they are
    /// unknown, which is not "none": a client might have made a proxy drop it. A header without entries says "none".
    ///
    /// # Errors
    /// As [`new`](Self::new), or if it is named already.
    pub fn groups(self, name: &str) -> Result<Self, ConfigError> {
        self.with(Field::Groups, name)
    }

    fn with(mut self, field: Field, name: &str) -> Result<Self, ConfigError> {
        let name = name.to_ascii_lowercase();
        check_name(&name)?;
        if self.headers.iter().any(|(other, named)| *other == field || **named == *name) {
            return Err(ConfigError::new(format!(
                "the header {name} is named for two things, or beside another"
            )));
        }
        self.headers.push((field, name.into()));
        Ok(self)
    }

    /// The name of the header with the user's name, in lower case.
    fn header(&self) -> &str {
        self.headers.first().map_or("", |(_, name)| name)
    }
}

impl Scheme for RemoteUserHeader {
    type Credentials = RemoteUser;

    fn name(&self) -> &'static str {
        "remote user"
    }

    fn headers(&self) -> Vec<&str> {
        self.headers.iter().map(|(_, name)| &**name).collect()
    }

    fn read(&self, request: &dyn RequestView) -> Read<RemoteUser> {
        self.read_user(request)
    }

    /// The proxy is trusted by its socket, and so is the way to it.
    fn allows_cleartext(&self) -> bool {
        true
    }

    fn keeps(&self) -> Keeps {
        Keeps::Session { is_persistent: self.persistent }
    }

    fn check(&self) -> Result<(), ConfigError> {
        if self.peers.is_empty() {
            return Err(ConfigError::new(format!(
                "nobody is trusted to send {}; add `.trusted_peer(\"10.0.0.7\")` with the proxy's address, or \
                 `.trusted_unix_socket()`",
                self.header()
            )));
        }
        Ok(())
    }
}

fn check_name(name: &str) -> Result<(), ConfigError> {
    if !is_plain_name(name) {
        return Err(ConfigError::new(format!(
            "a header for a user's name has letters, digits and '-', like X-Remote-User, and not {name:?}"
        )));
    }
    if TAKEN.contains(&name) || Header::ALL.iter().any(|header| header.name() == name) {
        return Err(ConfigError::new(format!(
            "the header {name} means something else; name one that only the proxy sets, like X-Remote-User"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> RemoteUserHeader {
        RemoteUserHeader::new("X-Remote-User").unwrap()
    }

    #[test]
    fn names_are_plain_and_not_taken() {
        for good in [
            "X-Remote-User",
            "Remote-User",
            "X-Forwarded-User",
            "x-auth-request-user",
            "Tailscale-User-Login",
        ] {
            assert!(RemoteUserHeader::new(good).is_ok(), "{good}");
        }
        let long = "x".repeat(65);
        let bad = [
            "",
            "X_Remote_User",
            "X.Remote.User",
            "X Remote User",
            "-user",
            "9user",
            "naïve",
            "a:b",
            &long,
            "Authorization",
            "Cookie",
            "HOST",
            "Connection",
            "Transfer-Encoding",
            "X-Forwarded-For",
            "X-Forwarded-Proto",
            "User-Agent",
            "Proxy-Authorization",
            "Upgrade",
            "TE",
        ];
        for bad in bad {
            assert!(RemoteUserHeader::new(bad).is_err(), "{bad}");
        }
        assert!(header().email("x-remote-user").is_err(), "one header for two things");
        assert!(
            header().email("a").and_then(|header| header.email("b")).is_err(),
            "two headers for one thing"
        );
    }

    #[test]
    fn somebody_must_be_trusted_and_not_everybody() {
        let told = header().check().unwrap_err().to_string();
        assert!(told.contains("trusted_peer") && told.contains("x-remote-user"), "{told}");
        assert!(header().trusted_peer("10.0.0.0/8").unwrap().check().is_ok());
        assert!(header().trusted_unix_socket().check().is_ok());
        for bad in
            ["", "proxy", "10.0.0.0/33", "10.0.0.7:80", "*", "0.0.0.0/0", "::/0", "1.2.3.4/0", "0.0.0.0/1"]
        {
            let told = header().trusted_peer(bad).unwrap_err().to_string();
            assert!(told.contains(bad), "{told}");
        }
    }
}
