//! What a directory is asked for a login, and for a session.

use auth_core::backend::{DeclineReason, DenyReason, Groups, Health, Identity, Outcome, Standing};
use auth_core::random::{OsRandom, Random};
use auth_core::time::{Clock, SystemClock};
use auth_core::{Credentials, Password, Secret};
use ldap3::Scope;

use crate::connection::{Connection, Entry, Found, Search};
use crate::dn::DnValue;
use crate::error::Failure;
use crate::filter::{FilterValue, all};
use crate::groups::Reader;
use crate::policy::{Judged, judge};
use crate::pool::Pool;
use crate::settings::{Settings, Way};

pub(crate) struct Directory {
    pub(crate) settings: Settings,
    /// Connections that are the service account's, and never anybody else's. `None` without one.
    pub(crate) searchers: Option<Pool>,
    /// Connections on which users bind, one at a time.
    pub(crate) binders: Pool,
}

/// As many entries as are needed to know whether there is exactly one.
const ONE: i32 = 2;

enum One {
    Entry(Entry),
    None,
    Several,
}

impl From<Found> for One {
    fn from(found: Found) -> Self {
        let is_whole = found.is_whole;
        let mut entries = found.entries.into_iter();
        match (entries.next(), entries.next()) {
            (None, _) if is_whole => Self::None,
            (Some(entry), None) if is_whole => Self::Entry(entry),
            _ => Self::Several,
        }
    }
}

impl Directory {
    pub(crate) async fn prove(&self, credentials: &Password) -> Result<Outcome<Identity>, Failure> {
        // Also checked by every chain, and by whoever makes a backend of this. A bind with an empty password would
        // succeed (RFC 4513 §5.1.2).
        if let Err(reason) = credentials.check().and_then(|()| credentials.check_handing_on()) {
            return Ok(Outcome::Decline(reason));
        }
        let Some(name) = self.settings.name(credentials.username()) else {
            return Ok(Outcome::Decline(DeclineReason::UnknownUser));
        };
        let all = self.by_way(name, credentials.password());
        tokio::time::timeout(self.settings.timeout, all).await.unwrap_or_else(|_| Err(late()))
    }

    async fn by_way(&self, name: &str, password: &Secret) -> Result<Outcome<Identity>, Failure> {
        let filter = self.settings.filter.fill(&FilterValue::of(name));
        match (&self.settings.way, &self.searchers) {
            (Way::Search, Some(searchers)) => self.search_then_bind(searchers, &filter, password).await,
            (Way::Search, None) => Err(Failure::refused("nobody is there who could search")),
            (Way::Dn(template), _) => {
                let dn = template.fill(&DnValue::of(name));
                self.bind_then_read(&dn, (&dn, Scope::Base), &filter, password).await
            }
            (Way::Principal, _) => {
                let domain = self.settings.domain.as_deref().unwrap_or_default();
                let place = (&*self.settings.base, self.settings.scope);
                self.bind_then_read(&format!("{name}@{domain}"), place, &filter, password).await
            }
        }
    }

    async fn search_then_bind(
        &self,
        searchers: &Pool,
        filter: &str,
        password: &Secret,
    ) -> Result<Outcome<Identity>, Failure> {
        let mut reader = Reader::Service(searchers);
        let place = (&*self.settings.base, self.settings.scope);
        let entry = match reader.search(&self.search(place, filter)).await?.into() {
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
        let judged = bind(&mut *self.binders.get().await?, &entry.dn, password).await?;
        match judged {
            Judged::Proven => self.admit(&entry, &mut reader).await,
            Judged::Declined(reason) => Ok(Outcome::Decline(reason)),
            Judged::Denied(reason) => Ok(Outcome::Deny(reason)),
        }
    }

    /// Binds as the name, and reads the entry as its owner. A name that is ambiguous in the filter may be bound as
    /// somebody else than is read, so exactly one entry may have it.
    async fn bind_then_read(
        &self,
        name: &str,
        place: (&str, Scope),
        filter: &str,
        password: &Secret,
    ) -> Result<Outcome<Identity>, Failure> {
        let mut connection = self.binders.get().await?;
        match bind(&mut connection, name, password).await? {
            Judged::Proven => {}
            Judged::Declined(reason) => return Ok(Outcome::Decline(reason)),
            Judged::Denied(reason) => return Ok(Outcome::Deny(reason)),
        }
        let mut reader = Reader::Own(&mut connection);
        match reader.search(&self.search(place, filter)).await?.into() {
            One::Entry(entry) => self.admit(&entry, &mut reader).await,
            One::None => Ok(Outcome::Deny(DenyReason::NotPermitted)),
            One::Several => Ok(ambiguous()),
        }
    }

    /// What becomes of somebody whose password is right.
    async fn admit(&self, entry: &Entry, reader: &mut Reader<'_>) -> Result<Outcome<Identity>, Failure> {
        Ok(match self.standing(entry, reader).await? {
            Ok(identity) => Outcome::Accept(identity),
            Err(reason) => Outcome::Deny(reason),
        })
    }

    async fn standing(
        &self,
        entry: &Entry,
        reader: &mut Reader<'_>,
    ) -> Result<Result<Identity, DenyReason>, Failure> {
        let Settings { person, issuer, .. } = &self.settings;
        let groups = match &self.settings.groups {
            Some(source) => source.of(entry, person.username(entry)?, reader).await?,
            None => Groups::Unknown,
        };
        match self.settings.refusal(entry, &groups, SystemClock.now())? {
            Some(reason) => Ok(Err(reason)),
            None => person.identity(issuer, entry, groups).map(Ok),
        }
    }

    /// Binds as nobody, with a password that is nobody's, so that a name that is unknown takes as many steps as one
    /// that is known. The typed password may be that of another backend, and is kept from the directory.
    async fn bind_nobody(&self) -> Result<(), Failure> {
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
        let Some(searchers) = &self.searchers else {
            return Err(Failure::refused("without a service account nobody can be looked up"));
        };
        let Some(is_subject) = self.settings.person.subject.filter(subject) else {
            return Ok(Standing::Gone);
        };
        let filter = all([&*is_subject, &self.settings.filter.fill(&FilterValue::anything())]);
        let mut reader = Reader::Service(searchers);
        let place = (&*self.settings.base, self.settings.scope);
        match reader.search(&self.search(place, &filter)).await?.into() {
            One::Entry(entry) => Ok(match self.standing(&entry, &mut reader).await? {
                Ok(identity) => Standing::Good(identity),
                Err(reason) => Standing::Refused(reason),
            }),
            One::None => Ok(Standing::Gone),
            One::Several => Err(Failure::unclear("several entries have the same subject")),
        }
    }

    /// Takes the way of an attempt on a new connection, and asks for the root's entry, which every server has
    /// (RFC 4512 §5.1). It may be refused: then the directory answers.
    pub(crate) async fn health(&self) -> Health {
        match self.look_at_the_root().await {
            Err(failure) if failure.is_of_everybody() => Health::Down,
            Ok(_) | Err(_) => Health::Serving,
        }
    }

    async fn look_at_the_root(&self) -> Result<Found, Failure> {
        let mut connection = self.searchers.as_ref().unwrap_or(&self.binders).dial().await?;
        let attributes = ["1.1".to_owned()];
        let filter = "(objectClass=*)";
        let root = Search { base: "", scope: Scope::Base, filter, attributes: &attributes, limit: ONE };
        connection.search(&root).await
    }

    fn search<'a>(&'a self, (base, scope): (&'a str, Scope), filter: &'a str) -> Search<'a> {
        Search { base, scope, filter, attributes: &self.settings.attributes, limit: ONE }
    }
}

/// A user's bind, on a connection that is nobody else's meanwhile.
async fn bind(connection: &mut Connection, name: &str, password: &Secret) -> Result<Judged, Failure> {
    let answer = connection.bind(name, password).await?;
    judge(&answer).map_err(|failure| connection.judged(failure))
}

/// Nobody can say whose name it is, and no other backend should: one of them may be meant.
fn ambiguous() -> Outcome<Identity> {
    tracing::warn!(target: "auth", "a login name is that of several entries: refused");
    Outcome::Deny(DenyReason::NotPermitted)
}

fn late() -> Failure {
    Failure::late("the directory did not decide within its time")
}
