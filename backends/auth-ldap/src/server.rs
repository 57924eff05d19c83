//! The servers of a directory: their addresses, and how to connect to them.

use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use auth_core::ConfigError;
use ldap3::{LdapConnAsync, LdapConnSettings, StdStream};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use url::{Host, Url};

use crate::ber::Malformed;
use crate::connection::Connection;
use crate::error::Failure;
use crate::message::{self, Pending};
use crate::screen::{broken, carry};

/// One server.
pub(crate) struct Server {
    url: String,
    place: Place,
    /// When it last failed, unless it has worked since.
    failed: Mutex<Option<Instant>>,
    /// Whether the log already says that this server refers to others.
    has_referred: AtomicBool,
}

enum Place {
    Host { host: String, port: u16, name: ServerName<'static>, security: Security },
    Socket(PathBuf),
}

/// How a connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Security {
    Tls,
    StartTls,
    Clear,
}

/// How long a server that failed is tried last.
const REST: Duration = Duration::from_secs(30);
/// The port of `ldap:` (RFC 4516 §2) and of `ldaps:`.
const PORTS: [u16; 2] = [389, 636];

/// All servers of a directory, and how they are reached.
pub(crate) struct Servers {
    pub(crate) list: Vec<Arc<Server>>,
    pub(crate) tls: Option<TlsConnector>,
    pub(crate) connect_timeout: Duration,
    pub(crate) operation_timeout: Duration,
}

impl Servers {
    /// A connection to the first server that accepts one. Servers that failed recently are tried last.
    ///
    /// `begin` has to succeed for a connection to count.
    pub(crate) async fn connect<F>(&self, begin: impl Fn(Connection) -> F) -> Result<Connection, Failure>
    where
        F: Future<Output = Result<Connection, Failure>>,
    {
        let (rested, tired): (Vec<_>, Vec<_>) = self.list.iter().partition(|server| !server.rests());
        let mut last = Failure::down("there is no server");
        for server in rested.into_iter().chain(tired) {
            let connection = async { begin(server.dial(self).await?).await };
            let late = || Err(Failure::down("no connection to the server in time"));
            let connection = timeout(self.connect_timeout, connection).await.unwrap_or_else(|_| late());
            match connection.map_err(Failure::before_any_question) {
                Ok(connection) => {
                    server.mark(None);
                    return Ok(connection);
                }
                Err(failure) if failure.is_of_server() => {
                    tracing::warn!(target: "auth", server = %server.url, %failure, "a directory's server failed");
                    server.mark(Some(Instant::now()));
                    last = failure;
                }
                Err(failure) => return Err(failure),
            }
        }
        Err(last)
    }
}

impl Server {
    /// The server at this URL.
    ///
    /// # Errors
    /// [`ConfigError`] if the URL does not name a directory server, or would need an unencrypted connection and
    /// `clear` is false.
    pub(crate) fn at(text: &str, clear: bool) -> Result<Self, ConfigError> {
        let refused = |why: &str| ConfigError::new(format!("a server's URL is not usable: {why}"));
        let url = Url::parse(text).map_err(|error| refused(&format!("{error}; write `ldaps://host`")))?;
        // Not shown: this part of a URL holds passwords.
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refused("leave out user and password; name the account with `service_account`"));
        }
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(refused("write scheme, host and port only; the base has a setting of its own"));
        }
        let place = match (url.scheme(), clear) {
            ("ldapi", _) => Place::socket(&url),
            ("ldaps", _) => Place::host(&url, Security::Tls),
            ("ldap", false) => Place::host(&url, Security::StartTls),
            ("ldap", true) => Place::host(&url, Security::Clear),
            _ => return Err(refused("its scheme must be `ldaps`, `ldap` (with StartTLS) or `ldapi`")),
        };
        let place = place.ok_or_else(|| refused("it names no host, or no path of a socket"))?;
        Ok(Self { url: url.into(), place, failed: Mutex::new(None), has_referred: AtomicBool::new(false) })
    }

    /// Whether TLS protects the connection.
    pub(crate) fn uses_tls(&self) -> bool {
        matches!(self.place, Place::Host { security: Security::Tls | Security::StartTls, .. })
    }

    pub(crate) fn mark(&self, failed: Option<Instant>) {
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = failed;
    }

    /// Whether it failed after this moment.
    pub(crate) fn failed_since(&self, moment: Instant) -> bool {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|failed| failed >= moment)
    }

    /// Logs once that it returned referrals for a part of the search (RFC 4511 §4.5.3). Active Directory does so
    /// whenever a whole domain is searched, for partitions outside of it.
    pub(crate) fn refers(&self) {
        if !self.has_referred.swap(true, Ordering::Relaxed) {
            tracing::info!(
                target: "auth", server = %self.url,
                "a directory's server returned referrals, which are not followed: people and groups that exist only there are not found"
            );
        }
    }

    fn rests(&self) -> bool {
        Instant::now().checked_sub(REST).is_some_and(|moment| self.failed_since(moment))
    }

    async fn dial(self: &Arc<Self>, servers: &Servers) -> Result<Connection, Failure> {
        match &self.place {
            Place::Socket(path) => {
                let stream = UnixStream::connect(path).await.map_err(|error| broken(&error))?;
                self.open(stream, servers).await
            }
            Place::Host { host, port, name, security } => {
                let stream = TcpStream::connect((&**host, *port)).await.map_err(|error| broken(&error))?;
                stream.set_nodelay(true).map_err(|error| broken(&error))?;
                match (security, &servers.tls) {
                    (Security::Clear, _) => self.open(stream, servers).await,
                    (Security::Tls, Some(tls)) => {
                        self.open(encrypted(tls, name, stream).await?, servers).await
                    }
                    (Security::StartTls, Some(tls)) => {
                        let stream = start_tls(stream).await?;
                        self.open(encrypted(tls, name, stream).await?, servers).await
                    }
                    // The same code sets up servers and TLS, but a connection must never continue without it.
                    (Security::Tls | Security::StartTls, None) => Err(Failure::down("TLS is not set up")),
                }
            }
        }
    }

    /// Connects the library, the screen and the server: the library gets one end of a pair of sockets.
    async fn open<S>(self: &Arc<Self>, stream: S, servers: &Servers) -> Result<Connection, Failure>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (ours, theirs) = UnixStream::pair().map_err(|error| broken(&error))?;
        let theirs = theirs.into_std().map_err(|error| broken(&error))?;
        let settings = LdapConnSettings::new().set_std_stream(StdStream::Unix(theirs));
        let library = LdapConnAsync::with_settings(settings, "ldapi://screen").await;
        let (driver, handle) = library.map_err(|_| Failure::down("no connection could be set up"))?;
        let fault = Arc::new(OnceLock::new());
        let told = Arc::clone(&fault);
        // In a separate task, so that a panic in the library ends only this connection.
        tokio::spawn(async move {
            tokio::select! {
                failure = carry(ours, stream) => drop(told.set(failure)),
                _ = driver.drive() => {}
            }
        });
        Ok(Connection::new(handle, Arc::clone(self), fault, servers.operation_timeout))
    }
}

impl Place {
    fn host(url: &Url, security: Security) -> Option<Self> {
        let host = match url.host()? {
            Host::Domain(name) => name.to_owned(),
            Host::Ipv4(address) => IpAddr::from(address).to_string(),
            Host::Ipv6(address) => IpAddr::from(address).to_string(),
        };
        let name = ServerName::try_from(host.clone()).ok()?;
        let standard = if security == Security::Tls { PORTS[1] } else { PORTS[0] };
        Some(Self::Host { host, port: url.port().unwrap_or(standard), name, security })
    }

    /// The path of a socket takes the place of the host, with `%2F` for `/`.
    fn socket(url: &Url) -> Option<Self> {
        let path = percent_encoding::percent_decode_str(url.host_str()?).decode_utf8().ok()?;
        (path.starts_with('/') && url.port().is_none()).then(|| Self::Socket(path.into_owned().into()))
    }
}

async fn encrypted<S: AsyncRead + AsyncWrite + Unpin>(
    tls: &TlsConnector,
    name: &ServerName<'static>,
    stream: S,
) -> Result<tokio_rustls::client::TlsStream<S>, Failure> {
    let stream = tls.connect(name.clone(), stream).await;
    stream.map_err(|error| Failure::down(format!("TLS with the server failed: {error}")))
}

/// The request of RFC 4511 §4.14.1, as message 1.
const START_TLS: &[u8] = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";
/// The longest answer to it.
const MAX_START_TLS: usize = 4096;

/// Asks the server to start TLS. Any answer other than success ends the connection: nothing is ever sent on it
/// unencrypted.
async fn start_tls(mut stream: TcpStream) -> Result<TcpStream, Failure> {
    stream.write_all(START_TLS).await.map_err(|error| broken(&error))?;
    let mut answer = Vec::new();
    loop {
        match stream.read_buf(&mut answer).await {
            Ok(0) => return Err(Failure::down("the server closed the connection instead of StartTLS")),
            Ok(_) => {}
            Err(error) => return Err(broken(&error)),
        }
        let length = message::length(&answer, MAX_START_TLS).map_err(no_start_tls)?;
        if length.is_some_and(|length| length <= answer.len()) {
            break;
        }
    }
    // All pending bytes, so that nothing received unencrypted is taken for something received by TLS (CVE-2011-0411).
    let pending = Pending::by(START_TLS).and_then(|pending| pending.ok_or(Malformed));
    pending.map_err(no_start_tls)?.take(&answer).map_err(no_start_tls)?;
    match Pending::result_code(&answer).map_err(no_start_tls)? {
        0 => Ok(stream),
        code => Err(Failure::down(format!("the server refused StartTLS with result code {code}"))),
    }
}

fn no_start_tls<E>(_: E) -> Failure {
    Failure::nonsense("the server's answer to StartTLS makes no sense")
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.url, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What goes over a network is protected unless somebody says in so many words that it shall not be.
    #[test]
    fn urls_say_how_a_server_is_reached() {
        let table = [
            ("ldaps://ldap.example.org", Some(("ldap.example.org", 636, Security::Tls))),
            ("ldaps://ldap.example.org:6360/", Some(("ldap.example.org", 6360, Security::Tls))),
            ("ldap://ldap.example.org", Some(("ldap.example.org", 389, Security::StartTls))),
            ("ldap://127.0.0.1:3890", Some(("127.0.0.1", 3890, Security::StartTls))),
            ("ldap://[::1]", Some(("::1", 389, Security::StartTls))),
            ("ldap://", None),
            ("ldap://ldap.example.org/dc=example", None),
            ("ldaps://ldap.example.org?cn", None),
            ("ldaps://admin:canary@ldap.example.org", None),
            ("ldaps://canary@ldap.example.org", None),
            ("https://ldap.example.org", None),
            ("ldap.example.org", None),
            ("", None),
        ];
        for (text, expected) in table {
            let server = Server::at(text, false);
            let found = server.as_ref().ok().map(|server| match &server.place {
                Place::Host { host, port, security, .. } => (&**host, *port, *security),
                Place::Socket(path) => panic!("{path:?}"),
            });
            assert_eq!(found, expected, "{text}");
            assert!(!server.is_err_and(|error| error.to_string().contains("canary")), "{text}");
        }
        let clear = Server::at("ldap://ldap.example.org", true).unwrap();
        assert!(!clear.uses_tls());
        assert!(
            Server::at("ldaps://ldap.example.org", true).unwrap().uses_tls(),
            "said to be TLS, it is TLS"
        );
    }

    #[test]
    fn sockets_have_a_whole_path() {
        let server = Server::at("ldapi://%2Frun%2Fslapd%2Fldapi", false).unwrap();
        assert!(matches!(server.place, Place::Socket(path) if path.as_os_str() == "/run/slapd/ldapi"));
        for bad in ["ldapi://", "ldapi://run", "ldapi:///run/ldapi"] {
            assert!(Server::at(bad, false).is_err(), "{bad}");
        }
    }
}
