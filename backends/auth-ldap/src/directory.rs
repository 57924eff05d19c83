//! The requests for a login, and for a session.

use auth_core::backend::{
    Attempt, BackendError, DeclineReason, DenyReason, Groups, Health, Identity, Outcome, Standing,
};
use auth_core::random::{OsRandom, Random};
use auth_core::time::{Clock, SystemClock};
use auth_core::{Credentials, Password, Secret};
use ldap3::Scope;

use crate::connection::{Connection, Entry, Search, nothing};
use crate::dn::{DnValue, folded};
use crate::error::Failure;
use crate::filter::{FilterValue, all};
use crate::paged::Cursor;
use crate::policy::{Judged, judge};
use crate::pool::Pool;
use crate::reader::Reader;
use crate::settings::{Lockout, Settings, Way};

pub(crate) struct Directory {
    pub(crate) settings: Settings,
    /// Connections bound as the service account, and never as anybody else. `None` without one.
    pub(crate) searchers: Option<Pool>,
    /// Connections on which users bind, one at a time.
    pub(crate) binders: Pool,
}

/// What is known about a person now.
pub(crate) struct Known {
    pub(crate) standing: Result<Identity, DenyReason>,
    /// The limit that kept their groups from being read, if any.
    pub(crate) limit: Option<Failure>,
}

enum One {
    Entry(Entry),
    None,
    Several,
}

impl From<Vec<Entry>> for One {
    fn from(found: Vec<Entry>) -> Self {
        let mut entries = found.into_iter();
        match (entries.next(), entries.next()) {
            (None, _) => Self::None,
            (Some(entry), None) => Self::Entry(entry),
            (Some(_), Some(_)) => Self::Several,
        }
    }
}

impl Directory {
    pub(crate) async fn prove(
        &self,
        attempt: &Attempt<'_, Password>,
    ) -> Result<Outcome<Identity>, BackendError> {
        let credentials = attempt.credentials();
        // Every chain and every backend made from this checks it as well. A bind with an empty password would succeed
        // (RFC 4513 §5.1.2).
        if let Err(reason) = credentials.check().and_then(|()| credentials.check_handing_on()) {
            return Ok(Outcome::Decline(reason));
        }
        let Some(name) = self.settings.name(credentials.username()) else {
            return Ok(Outcome::Decline(DeclineReason::UnknownUser));
        };
        let all = self.by_way(name, attempt);
        tokio::time::timeout(self.settings.timeout, all).await.unwrap_or_else(|_| Err(late().into()))
    }

    async fn by_way(
        &self,
        name: &str,
        attempt: &Attempt<'_, Password>,
    ) -> Result<Outcome<Identity>, BackendError> {
        let filter = self.settings.filter.fill(&FilterValue::of(name));
        match (&self.settings.way, &self.searchers) {
            (Way::Search, Some(searchers)) => self.search_then_bind(searchers, &filter, attempt).await,
            (Way::Search, None) => Err(Failure::refused("no account is configured for searching").into()),
            (Way::Dn(template), _) => {
                let dn = template.fill(&DnValue::of(name));
                self.bind_then_read(&dn, (&dn, Scope::Base), &filter, attempt).await
            }
            (Way::Principal, _) => {
                let domain = self.settings.domain.as_deref().unwrap_or_default();
                self.bind_then_read(&format!("{name}@{domain}"), self.place(), &filter, attempt).await
            }
        }
    }

    async fn search_then_bind(
        &self,
        searchers: &Pool,
        filter: &str,
        attempt: &Attempt<'_, Password>,
    ) -> Result<Outcome<Identity>, BackendError> {
        let mut reader = Reader::service(searchers, self.settings.bounds);
        let entry = match reader.one(&self.search(self.place(), filter)).await?.into() {
            One::Entry(entry) => entry,
            One::None => {
                self.bind_nobody().await?;
                return Ok(Outcome::Decline(DeclineReason::UnknownUser));
            }
            One::Several => {
                self.bind_nobody().await?;
                return Ok(ambiguous());
            }
        };
        if !self.may_try(&folded(&entry.dn), attempt).await? {
            self.bind_nobody().await?;
            return Ok(Outcome::Decline(DeclineReason::WrongSecret));
        }
        let password = attempt.credentials().password();
        let judged = bind(&mut *self.binders.get().await?, &entry.dn, password).await?;
        match judged {
            Judged::Proven => Ok(self.admit(entry, &mut reader).await?),
            Judged::Declined(reason) => Ok(Outcome::Decline(reason)),
            Judged::Denied(reason) => Ok(Outcome::Deny(reason)),
        }
    }

    /// Binds as the name, and reads the entry as the bound user. If the filter matched several entries, the bound
    /// user and the entry could be different people, so it must match exactly one.
    async fn bind_then_read(
        &self,
        name: &str,
        place: (&str, Scope),
        filter: &str,
        attempt: &Attempt<'_, Password>,
    ) -> Result<Outcome<Identity>, BackendError> {
        if !self.may_try(&name.to_lowercase(), attempt).await? {
            self.bind_nobody().await?;
            return Ok(Outcome::Decline(DeclineReason::WrongSecret));
        }
        let mut connection = self.binders.get().await?;
        match bind(&mut connection, name, attempt.credentials().password()).await? {
            Judged::Proven => {}
            Judged::Declined(reason) => return Ok(Outcome::Decline(reason)),
            Judged::Denied(reason) => return Ok(Outcome::Deny(reason)),
        }
        let mut reader = Reader::own(&mut connection, self.settings.bounds);
        match reader.one(&self.search(place, filter)).await?.into() {
            One::Entry(entry) => Ok(self.admit(entry, &mut reader).await?),
            One::None => Ok(Outcome::Deny(DenyReason::NotPermitted)),
            One::Several => Ok(ambiguous()),
        }
    }

    /// Whether a password may be tried for this entry: by the throttle's limits, and by the limit that keeps the
    /// directory from locking it.
    async fn may_try(&self, entry: &str, attempt: &Attempt<'_, Password>) -> Result<bool, BackendError> {
        match self.settings.lockout {
            Some(Lockout { failures, within }) => attempt.account_at_most(entry, failures, within).await,
            None => attempt.account(entry).await,
        }
    }

    /// The outcome for a person whose password is right.
    async fn admit(&self, entry: Entry, reader: &mut Reader<'_>) -> Result<Outcome<Identity>, Failure> {
        Ok(match self.known(entry, reader).await?.standing {
            Ok(identity) => Outcome::Accept(identity),
            Err(reason) => Outcome::Deny(reason),
        })
    }

    async fn known(&self, mut entry: Entry, reader: &mut Reader<'_>) -> Result<Known, Failure> {
        let Settings { person, issuer, .. } = &self.settings;
        let (groups, limit) = self.groups(&mut entry, reader).await?;
        let refusal = self.settings.refusal(&entry, &groups, SystemClock.now());
        // If the decision depends on the groups, the reason why they could not be read is the answer.
        if let Some(reason) = refusal.map_err(|failure| limit.clone().unwrap_or(failure))? {
            return Ok(Known { standing: Err(reason), limit });
        }
        for attribute in &person.copied {
            reader.complete(&mut entry, attribute).await?;
        }
        let standing = Ok(person.identity(issuer, &entry, groups)?);
        Ok(Known { standing, limit })
    }

    /// The groups, or the limit that kept them from being read.
    async fn groups(
        &self,
        entry: &mut Entry,
        reader: &mut Reader<'_>,
    ) -> Result<(Groups, Option<Failure>), Failure> {
        let Some(source) = &self.settings.groups else { return Ok((Groups::Unknown, None)) };
        let username = self.settings.person.username(entry)?.to_owned();
        match source.of(entry, &username, reader).await {
            Ok(groups) => Ok((Groups::Known(groups), None)),
            Err(limit) if limit.is_limit() => {
                tracing::warn!(target: "auth", failure = %limit, "the groups of a user are unknown");
                Ok((Groups::Unknown, Some(limit)))
            }
            Err(failure) => Err(failure),
        }
    }

    /// Binds as a random name with a random password, so that an unknown name takes as many steps as a known one. The
    /// typed password may belong to another backend, and the directory does not get it.
    pub(crate) async fn bind_nobody(&self) -> Result<(), Failure> {
        let mut random = [0; 16];
        OsRandom.fill(&mut random).map_err(|error| Failure::refused(error.to_string()))?;
        let random: String = random.map(|byte| format!("{byte:02x}")).concat();
        let mut connection = self.binders.get().await?;
        let dn = format!("cn={random},{}", self.settings.base);
        connection.bind(&dn, &Secret::new(random)).await.map(|_| ())
    }

    pub(crate) async fn confirm(&self, issuer: &str, subject: &str) -> Result<Standing, Failure> {
        if issuer != self.settings.issuer {
            return Err(Failure::unclear("another issuer vouched for the user than this directory"));
        }
        let all = self.look_up(subject);
        tokio::time::timeout(self.settings.timeout, all).await.unwrap_or_else(|_| Err(late()))
    }

    async fn look_up(&self, subject: &str) -> Result<Standing, Failure> {
        let searchers = self.searchers()?;
        let Some(is_subject) = self.settings.person.subject.filter(subject) else {
            return Ok(Standing::Gone);
        };
        let filter = all([&*is_subject, &self.anybody()]);
        let mut reader = Reader::service(searchers, self.settings.bounds);
        match reader.one(&self.search(self.place(), &filter)).await?.into() {
            One::Entry(entry) => Ok(self.known(entry, &mut reader).await?.standing()),
            One::None => Ok(Standing::Gone),
            One::Several => Err(Failure::unclear("several entries have the same subject")),
        }
    }

    /// The next names of entries that could sign in; nothing after the last.
    pub(crate) async fn page(
        &self,
        connection: &mut Connection,
        cursor: &mut Cursor,
    ) -> Result<Option<Vec<String>>, Failure> {
        let ((base, scope), filter) = (self.place(), self.anybody());
        let search = Search { base, scope, filter: &filter, attributes: &nothing() };
        let page = connection.page(&search, cursor).await?;
        Ok(page.map(|entries| entries.into_iter().map(|entry| entry.dn).collect()))
    }

    /// The outcome of a login of the person with this entry and the right password.
    pub(crate) async fn read(&self, dn: &str) -> Result<Option<Known>, Failure> {
        let all = async {
            let (filter, mut reader) =
                (self.anybody(), Reader::service(self.searchers()?, self.settings.bounds));
            match reader.one(&self.search((dn, Scope::Base), &filter)).await?.pop() {
                Some(entry) => self.known(entry, &mut reader).await.map(Some),
                None => Ok(None),
            }
        };
        tokio::time::timeout(self.settings.timeout, all).await.unwrap_or_else(|_| Err(late()))
    }

    pub(crate) fn searchers(&self) -> Result<&Pool, Failure> {
        let nobody = || Failure::refused("looking a user up needs a service account");
        self.searchers.as_ref().ok_or_else(nobody)
    }

    /// Takes the path of an attempt on a new connection, and asks for the root entry, which every server has (RFC
    /// 4512 §5.1). A refusal is fine: the directory answers.
    pub(crate) async fn health(&self) -> Health {
        match self.look_at_the_root().await {
            Err(failure) if failure.is_of_everybody() => Health::Down,
            Ok(_) | Err(_) => Health::Serving,
        }
    }

    async fn look_at_the_root(&self) -> Result<Vec<Entry>, Failure> {
        let mut connection = self.searchers.as_ref().unwrap_or(&self.binders).dial().await?;
        let filter = "(objectClass=*)";
        let root = Search { base: "", scope: Scope::Base, filter, attributes: &nothing() };
        connection.one(&root).await
    }

    fn search<'a>(&'a self, (base, scope): (&'a str, Scope), filter: &'a str) -> Search<'a> {
        Search { base, scope, filter, attributes: &self.settings.attributes }
    }

    /// The base and the scope of people.
    pub(crate) fn place(&self) -> (&str, Scope) {
        (&self.settings.base, self.settings.scope)
    }

    /// The filter that matches every person.
    fn anybody(&self) -> String {
        self.settings.filter.fill(&FilterValue::anything())
    }
}

impl Known {
    pub(crate) fn standing(self) -> Standing {
        self.standing.map_or_else(Standing::Refused, Standing::Good)
    }
}

/// A user's bind, on a connection that nothing else uses meanwhile.
pub(crate) async fn bind(
    connection: &mut Connection,
    name: &str,
    password: &Secret,
) -> Result<Judged, Failure> {
    let answer = connection.bind(name, password).await?;
    judge(&answer).map_err(|failure| connection.judged(failure))
}

/// The name matches several entries: nobody can tell which one is meant, and no other backend should decide.
fn ambiguous() -> Outcome<Identity> {
    tracing::warn!(target: "auth", "a login name matches several entries: refused");
    Outcome::Deny(DenyReason::NotPermitted)
}

pub(crate) fn late() -> Failure {
    Failure::late("the directory did not decide in time")
}
