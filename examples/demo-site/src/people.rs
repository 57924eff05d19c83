//! What people do with their own passkeys and passwords is done with.

use std::net::TcpListener;
use std::sync::Arc;

use auth_core::factors::Factors;
use auth_core::session::KeyRing;
use auth_passkeys::Passkeys;
use auth_sql::{SqlFactors, SqlOnce, SqlUser, SqlUsers};
use url::{Position, Url};

use crate::accounts::{DIRECTORY, LOCAL, directory_users};
use crate::auth::Result;
use crate::sent::Sent;
use crate::{Answer, Options, Site};

type SitePasskeys = Passkeys<SqlFactors, SqlOnce, SqlUser>;

/// The passkeys and passwords of people, and the pages about them.
#[derive(Debug)]
pub struct People {
    pub(crate) site: Site,
    pub(crate) passkeys: Arc<SitePasskeys>,
    pub(crate) users: SqlUsers,
    /// Where passkeys work.
    origin: String,
}

/// What of a request the pages look at, whatever the framework calls it.
#[derive(Clone, Debug, Default)]
pub struct Heard<'a> {
    /// The `Content-Type`.
    pub content_type: Option<&'a [u8]>,
    /// The values of the `Cookie` headers.
    pub cookies: Vec<&'a [u8]>,
    /// Where the site has passkeys, if not here: [`People::elsewhere`].
    pub elsewhere: Option<&'a str>,
    /// The body.
    pub body: &'a [u8],
}

impl Heard<'_> {
    pub(crate) fn read(&self) -> std::result::Result<Sent, Answer> {
        Sent::read(self.content_type, self.body)
    }
}

impl People {
    /// The origin to go to for passkeys, if this `Host` is not its own: they are made for a name, and an address is none.
    pub fn elsewhere(&self, host: Option<&[u8]>) -> Option<&str> {
        let url = Url::parse(&self.origin).ok()?;
        let own = &url[Position::BeforeHost..Position::AfterPort];
        let is_here = host.is_some_and(|host| host.eq_ignore_ascii_case(own.as_bytes()));
        (!is_here).then_some(&*self.origin)
    }

    pub(crate) fn passkeys(&self) -> Arc<SitePasskeys> {
        Arc::clone(&self.passkeys)
    }
}

/// Passkeys for the origin that the options say, or for where the demo listens, by the name that browsers have passkeys for.
pub(crate) fn of(
    site: Site,
    options: &Options,
    listener: &TcpListener,
    (users, used, factors, ring): (&SqlUsers, SqlOnce, &Arc<Factors<SqlFactors>>, &KeyRing),
) -> Result<People> {
    let here = format!("http://localhost:{}", listener.local_addr()?.port());
    let origin = options.origin.clone().unwrap_or(here);
    let host = Url::parse(&origin).ok().and_then(|url| url.host_str().map(str::to_owned));
    // What is no origin is told as that, and not as a domain.
    let rp_id = host.as_deref().unwrap_or("localhost");
    let passkeys = Passkeys::new(rp_id, [&origin], Arc::clone(factors), used, ring)?
        .owners(LOCAL, users.clone())?
        .owners(DIRECTORY, directory_users(users.clone())?)?;
    let passkeys = if options.insecure_cookies { passkeys.insecure_cookies() } else { passkeys };
    Ok(People { site, passkeys: Arc::new(passkeys), users: users.clone(), origin })
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    const SITE: Site = Site::served_by("a test");

    async fn people(origin: &[&str]) -> Result<Arc<People>> {
        let folder = tempfile::tempdir()?;
        let database = format!("sqlite:{}", folder.path().join("demo.sqlite3").display());
        let options = Options::parse_from([&["demo", "--database", &database], origin].concat());
        let demo = crate::demo(SITE, &options, &TcpListener::bind("127.0.0.1:0")?).await?;
        Ok(demo.people)
    }

    #[tokio::test]
    async fn an_origin_without_passkeys_is_told() {
        for (origin, why) in [
            ("https://127.0.0.1", "cannot be the RP id"),
            ("http://demo.example", "serve it by https"),
            ("demo.example", "give scheme and host"),
            ("https://demo.example/", "as browsers write them"),
        ] {
            let error = people(&["--origin", origin]).await.unwrap_err().to_string();
            assert!(error.contains(why), "{origin}: {error}");
        }
    }

    #[tokio::test]
    async fn pages_elsewhere_say_where_passkeys_are() {
        let there = people(&["--origin", "https://demo.example"]).await.unwrap();
        assert_eq!(there.elsewhere(Some(b"Demo.example")), None);
        for host in
            [None, Some(&b"localhost:3000"[..]), Some(b"demo.example:8443"), Some(b"www.demo.example")]
        {
            assert_eq!(there.elsewhere(host), Some("https://demo.example"));
        }
        let here = people(&[]).await.unwrap();
        let port = here.origin.rsplit(':').next().unwrap();
        assert_eq!(here.elsewhere(Some(format!("localhost:{port}").as_bytes())), None);
        assert!(here.elsewhere(Some(format!("127.0.0.1:{port}").as_bytes())).is_some());
    }
}
