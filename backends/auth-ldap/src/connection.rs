//! One connection to a server, and the requests on it.

use std::collections::HashMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use auth_core::Secret;
use futures_util::FutureExt as _;
use ldap3::controls::RawControl;
use ldap3::exop::PasswordModify;
use ldap3::{LdapError, LdapResult, Scope, SearchEntry, SearchOptions};
use tokio::time::{Instant, timeout};

use crate::error::Failure;
use crate::paged::Cursor;
use crate::policy;
use crate::server::Server;

/// A connection with at most one request at a time.
pub(crate) struct Connection {
    handle: ldap3::Ldap,
    server: Arc<Server>,
    /// Why the screen ended it, if it did.
    fault: Arc<OnceLock<Failure>>,
    limit: Duration,
    since: Instant,
    /// Whether an answer is outstanding. It stays so if the request is cancelled: the answer may still arrive, and
    /// must not be taken for the answer to the next one.
    waits: bool,
}

/// A search request.
pub(crate) struct Search<'a> {
    pub(crate) base: &'a str,
    pub(crate) scope: Scope,
    pub(crate) filter: &'a str,
    pub(crate) attributes: &'a [String],
}

/// The answer to a search.
struct Answer {
    entries: Vec<Entry>,
    result: LdapResult,
}

/// As many entries as it takes to know whether there is exactly one.
const ONE: i32 = 2;
/// For paged searches: as many entries as the server returns.
const ANY: i32 = 0;

/// An entry: its name, and its attributes by their lower-case names.
pub(crate) struct Entry {
    pub(crate) dn: String,
    pub(crate) attributes: HashMap<String, Vec<Vec<u8>>>,
}

/// No attributes, only names (RFC 4511 §4.5.1.8).
pub(crate) fn nothing() -> [String; 1] {
    ["1.1".to_owned()]
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

    /// Whether it can be used: no answer is outstanding, nobody closed it, and its server did not fail meanwhile.
    pub(crate) fn is_usable(&mut self) -> bool {
        !self.waits && !self.handle.is_closed() && !self.server.failed_since(self.since)
    }

    pub(crate) fn waits(&self) -> bool {
        self.waits
    }

    /// Binds, which replaces the previous bind (RFC 4513 §4). Returns the server's answer as it is.
    pub(crate) async fn bind(&mut self, name: &str, password: &Secret) -> Result<LdapResult, Failure> {
        let mut handle = self.handle.clone();
        self.ask(async move {
            let control = RawControl { ctype: policy::OID.into(), crit: false, val: None };
            handle.with_controls(control).simple_bind(name, password.expose()).await
        })
        .await
    }

    /// Changes the password of the bound user (RFC 3062), and returns the server's result code.
    pub(crate) async fn change_password(&mut self, old: &Secret, new: &Secret) -> Result<u32, Failure> {
        let mut handle = self.handle.clone();
        let answer = self.ask(async move {
            let change =
                PasswordModify { user_id: None, old_pass: Some(old.expose()), new_pass: Some(new.expose()) };
            handle.extended(change).await
        });
        Ok(answer.await?.1.rc)
    }

    /// The entries that a search finds: at most two of them.
    ///
    /// # Errors
    /// [`Failure`] also if the server returns fewer because of a limit.
    pub(crate) async fn one(&mut self, search: &Search<'_>) -> Result<Vec<Entry>, Failure> {
        let Answer { entries, result } = self.search(search, ONE, None).await?;
        match (result.rc, entries.len()) {
            // sizeLimitExceeded: there are more entries than requested.
            (0, _) | (4, 2..) => Ok(entries),
            (code, found) => Err(self.judged(Failure::search(code, found))),
        }
    }

    /// The next page of what a search finds; nothing after the last one.
    pub(crate) async fn page(
        &mut self,
        search: &Search<'_>,
        cursor: &mut Cursor,
    ) -> Result<Option<Vec<Entry>>, Failure> {
        let Some(control) = cursor.request() else { return Ok(None) };
        let Answer { entries, result } = self.search(search, ANY, Some(control)).await?;
        if result.rc != 0 {
            let seen = cursor.seen() + entries.len();
            return Err(self.judged(Failure::search(result.rc, seen)));
        }
        cursor.turn(entries.len(), &result.ctrls).map_err(|failure| self.judged(failure))?;
        Ok(Some(entries))
    }

    async fn search(
        &mut self,
        search: &Search<'_>,
        limit: i32,
        control: Option<RawControl>,
    ) -> Result<Answer, Failure> {
        let Search { base, scope, filter, attributes } = *search;
        let options = SearchOptions::new().sizelimit(limit);
        let mut handle = self.handle.clone();
        let answer = self.ask(async move {
            if let Some(control) = control {
                handle.with_controls(control);
            }
            let found = handle.with_search_options(options).search(base, scope, filter, attributes).await?;
            let entries: Vec<_> = found.0.into_iter().map(SearchEntry::construct).collect();
            Ok((entries, found.1))
        });
        let (entries, result) = answer.await?;
        if !result.refs.is_empty() {
            self.server.refers();
        }
        Ok(Answer { entries: entries.into_iter().map(Entry::from).collect(), result })
    }

    /// Records what a failure says about the server.
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
            Err(_) => Failure::late("the server did not answer in time"),
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

    /// The values that are text.
    pub(crate) fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        self.values(name).iter().filter_map(|value| str::from_utf8(value).ok())
    }

    /// The first of them in byte order, since a directory may return them in any order.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.texts(name).min()
    }
}
