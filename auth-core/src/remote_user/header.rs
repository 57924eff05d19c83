//! The headers that name users, and the trusted proxies.

use super::RemoteUser;
use crate::ConfigError;
use crate::http::{Header, Keeps, MAX_NAME_LEN, Peers, Read, RequestView, Scheme, is_plain_name};

/// The header in which a proxy names the user, and the proxies that are trusted.
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
    /// The header with the user's name comes first.
    pub(super) headers: Vec<(Field, Box<str>)>,
    pub(super) peers: Peers,
    persistent: bool,
}

/// The content of a header.
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

/// Headers with another meaning, besides those that this crate reads: they cannot contain a user's name.
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

    /// A header of this name, which no peer may send yet: add [`trusted_peer`](Self::trusted_peer) or
    /// [`trusted_unix_socket`](Self::trusted_unix_socket).
    ///
    /// ```
    /// # use auth_core::remote_user::RemoteUserHeader;
    /// assert!(RemoteUserHeader::new("X-Remote-User").is_ok());
    /// assert!(RemoteUserHeader::new("X_Remote_User").is_err());
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] if the name contains anything but letters, digits and `-`, or has another meaning in HTTP.
    pub fn new(name: &str) -> Result<Self, ConfigError> {
        let none = Self { headers: Vec::new(), peers: Peers::default(), persistent: false };
        none.with(Field::Username, name)
    }

    /// Trusts the proxy at this address or in this network, `10.0.0.7` or `10.0.0.0/8`: everybody who connects from
    /// there can act as any user. The peer address decides, so the server must know it (axum:
    /// `into_make_service_with_connect_info::<SocketAddr>()`).
    ///
    /// ```
    /// # use auth_core::remote_user::RemoteUserHeader;
    /// let header = RemoteUserHeader::new("X-Remote-User")?.trusted_peer("10.0.0.7")?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] if it is not an address or a network, or covers nearly all of them.
    pub fn trusted_peer(mut self, peer: &str) -> Result<Self, ConfigError> {
        self.peers.networks.add("trusted peer", "be any user; name the proxy's address", peer)?;
        Ok(self)
    }

    /// Trusts every process that connects through the Unix socket of this server: the permissions of the socket's
    /// file and its folder decide who that can be. The server must mark such requests (`UnixSocket` in `auth-tower`
    /// and `auth-actix`).
    ///
    /// ```
    /// # use auth_core::remote_user::RemoteUserHeader;
    /// let header = RemoteUserHeader::new("X-Remote-User")?.trusted_unix_socket();
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn trusted_unix_socket(mut self) -> Self {
        self.peers.unix_socket = true;
        self
    }

    /// Keeps a session when requests come without the header (default: they end it): for a proxy that sends it only
    /// on some paths, such as that of the login. Users who leave the proxy then stay signed in here until they log
    /// out or the session expires.
    ///
    /// ```
    /// # use auth_core::remote_user::RemoteUserHeader;
    /// let header = RemoteUserHeader::new("X-Remote-User")?.trusted_peer("10.0.0.7")?.persistent();
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    pub fn persistent(mut self) -> Self {
        self.persistent = true;
        self
    }

    /// Sets the header with the e-mail address, which does not count as verified.
    ///
    /// ```
    /// # use auth_core::remote_user::RemoteUserHeader;
    /// let header = RemoteUserHeader::new("Remote-User")?.trusted_peer("10.0.0.7")?.email("Remote-Email")?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// As [`new`](Self::new), or if it is named already.
    pub fn email(self, name: &str) -> Result<Self, ConfigError> {
        self.with(Field::Email, name)
    }

    /// Sets the header with the display name.
    ///
    /// ```
    /// # use auth_core::remote_user::RemoteUserHeader;
    /// let header = RemoteUserHeader::new("Remote-User")?.trusted_peer("10.0.0.7")?.name("Remote-Name")?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// As [`new`](Self::new), or if it is named already.
    pub fn name(self, name: &str) -> Result<Self, ConfigError> {
        self.with(Field::Name, name)
    }

    /// Sets the header with the groups, separated by commas. They are read when a session begins. Without the header
    /// they are unknown, which is not "none": a client might have made a proxy drop it. A header without entries
    /// means "none".
    ///
    /// ```
    /// # use auth_core::remote_user::RemoteUserHeader;
    /// let header = RemoteUserHeader::new("Remote-User")?.trusted_peer("10.0.0.7")?.groups("Remote-Groups")?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
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
                "the header {name} is named twice, or conflicts with another"
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

    /// The proxy is trusted by its socket, and so is the path to it.
    fn allows_cleartext(&self) -> bool {
        true
    }

    fn keeps(&self) -> Keeps {
        Keeps::Session { is_persistent: self.persistent }
    }

    fn check(&self) -> Result<(), ConfigError> {
        if self.peers.is_empty() {
            return Err(ConfigError::new(format!(
                "no peer is trusted to send {}; add `.trusted_peer(\"10.0.0.7\")` with the proxy's address, or \
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
            "the header {name} has another meaning; name one that only the proxy sets, like X-Remote-User"
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
