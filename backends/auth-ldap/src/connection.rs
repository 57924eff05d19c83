//! One connection to a server, and what is asked on it.

use std::collections::HashMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use auth_core::Secret;
use futures_util::FutureExt as _;
use ldap3::controls::RawControl;
use ldap3::{LdapError, LdapResult, Scope, SearchEntry, SearchOptions};
use tokio::time::{Instant, timeout};

use crate::error::Failure;
use crate::policy;
use crate::server::Server;

/// A connection on which one thing is asked at a time.
pub(crate) struct Connection {
    handle: ldap3::Ldap,
    server: Arc<Server>,
    /// Why it ended, if the screen ended it.
    fault: Arc<OnceLock<Failure>>,
    limit: Duration,
    since: Instant,
    /// Whether an answer is outstanding. It stays so if whoever asked goes away: the answer may come yet, and must
    /// not be taken for that to the next question.
    waits: bool,
}

/// What a search asks for.
pub(crate) struct Search<'a> {
    pub(crate) base: &'a str,
    pub(crate) scope: Scope,
    pub(crate) filter: &'a str,
    pub(crate) attributes: &'a [String],
    /// How many entries it wants at most.
    pub(crate) limit: i32,
}

/// What a search found.
pub(crate) struct Found {
    pub(crate) entries: Vec<Entry>,
    /// Whether that is all there is.
    pub(crate) is_whole: bool,
}

/// An entry: its name, and its attributes by their names in small letters.
pub(crate) struct Entry {
    pub(crate) dn: String,
    pub(crate) attributes: HashMap<String, Vec<Vec<u8>>>,
}

impl Connection {
    pub(crate) fn new(
        handle: ldap3::Ldap,
        server: Arc<Server>,
        fault: Arc<OnceLock<Failure>>,
        limit: Duration,
    ) -> Self {
        Self { handle, server, fault, limit, since: Instant::now(), waits: false }
    }

    /// Whether it can be asked: nothing is outstanding, nobody closed it, and its server did not fail meanwhile.
    pub(crate) fn is_usable(&mut self) -> bool {
        !self.waits && !self.handle.is_closed() && !self.server.failed_since(self.since)
    }

    pub(crate) fn waits(&self) -> bool {
        self.waits
    }

    /// Binds, which replaces whoever was bound before (RFC 4513 §4). The answer is whatever the server said.
    pub(crate) async fn bind(&mut self, name: &str, password: &Secret) -> Result<LdapResult, Failure> {
        let mut handle = self.handle.clone();
        self.ask(async move {
            let control = RawControl { ctype: policy::OID.into(), crit: false, val: None };
            handle.with_controls(control).simple_bind(name, password.expose()).await
        })
        .await
    }

    pub(crate) async fn search(&mut self, search: &Search<'_>) -> Result<Found, Failure> {
        let Search { base, scope, filter, attributes, limit } = *search;
        let options = SearchOptions::new().sizelimit(limit);
        let mut handle = self.handle.clone();
        let found = self.ask(async move {
            let found = handle.with_search_options(options).search(base, scope, filter, attributes).await?;
            let entries: Vec<_> = found.0.into_iter().map(SearchEntry::construct).collect();
            Ok((entries, found.1))
        });
        let (entries, result) = found.await?;
        let is_whole = match result.rc {
            0 => true,
            // The size limit: what was asked for, or what the server gives anybody.
            4 => false,
            code => return Err(self.judged(Failure::code("a search", code))),
        };
        Ok(Found { entries: entries.into_iter().map(Entry::from).collect(), is_whole })
    }

    /// Takes note of what a failure says about the server.
    pub(crate) fn judged(&self, failure: Failure) -> Failure {
        if failure.is_of_server() {
            self.server.mark(Some(Instant::now()));
        }
        failure
    }

    /// Waits for an answer, within the time for one. A panic of the library is a failure.
    async fn ask<T>(&mut self, ask: impl Future<Output = Result<T, LdapError>>) -> Result<T, Failure> {
        self.waits = true;
        let answer = timeout(self.limit, AssertUnwindSafe(ask).catch_unwind()).await;
        let failure = match answer {
            Ok(Ok(Ok(answer))) => {
                self.waits = false;
                return Ok(answer);
            }
            Ok(Ok(Err(error))) => self.fault(&error),
            Ok(Err(_)) => Failure::nonsense("the LDAP library panicked over the server's answer"),
            Err(_) => Failure::late("the server did not answer within its time"),
        };
        Err(self.judged(failure))
    }

    fn fault(&self, error: &LdapError) -> Failure {
        self.fault.get().cloned().unwrap_or_else(|| match error {
            LdapError::FilterParsing => Failure::unclear("a filter cannot be read"),
            _ => Failure::broken("the connection to the server failed"),
        })
    }
}

impl From<SearchEntry> for Entry {
    fn from(entry: SearchEntry) -> Self {
        let texts = entry.attrs.into_iter();
        let texts = texts.map(|(name, values)| (name, values.into_iter().map(String::into_bytes).collect()));
        let attributes = texts.chain(entry.bin_attrs).filter(|(_, values): &(_, Vec<_>)| !values.is_empty());
        let attributes = attributes.map(|(name, values)| (name.to_ascii_lowercase(), values)).collect();
        Self { dn: entry.dn, attributes }
    }
}

impl Entry {
    /// All values of an attribute.
    pub(crate) fn values(&self, name: &str) -> &[Vec<u8>] {
        self.attributes.get(&name.to_ascii_lowercase()).map_or(&[], Vec::as_slice)
    }

    /// Those that are text.
    pub(crate) fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        self.values(name).iter().filter_map(|value| str::from_utf8(value).ok())
    }

    /// The first of them in the order of their bytes: a directory may give them in any.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.texts(name).min()
    }

    /// Whether a server gave only some of an attribute's values, as Active Directory does with many.
    pub(crate) fn is_cut(&self, name: &str) -> bool {
        let ranged = format!("{};range=", name.to_ascii_lowercase());
        self.attributes.keys().any(|name| name.starts_with(&ranged))
    }
}
