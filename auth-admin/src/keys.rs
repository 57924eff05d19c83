//! API keys: create, list, revoke.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use auth_core::api_keys::{ApiKey, ApiKeyId, ApiKeyOwner, ApiKeyStore, ApiKeys, CreatedApiKey, NewApiKey};
use auth_core::grant::Scopes;
use auth_core::session::{SessionError, SessionErrorKind, SessionStore};
use auth_core::time::{Clock, SystemClock, Timestamp};
use auth_core::{BackendName, User, UserId};
use auth_sql::SqlUser;
use clap::Args;
use serde::Serialize;

use crate::Admin;
use crate::failure::{Failure, with_sources};
use crate::sessions::time;
use crate::shown::shown;
use crate::users::{say, say_json};

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

const DAY: u64 = 24 * 60 * 60;

/// [`ApiKeys`] with any type of store.
pub(crate) trait Keys: Send + Sync {
    fn create<'a>(
        &'a self,
        backend: &'a BackendName,
        user: &'a UserId,
        new: NewApiKey,
    ) -> BoxFuture<'a, Result<CreatedApiKey, SessionError>>;
    fn list<'a>(&'a self, owner: &'a ApiKeyOwner) -> BoxFuture<'a, Result<Vec<ApiKey>, SessionError>>;
    fn revoke<'a>(
        &'a self,
        owner: &'a ApiKeyOwner,
        id: ApiKeyId,
    ) -> BoxFuture<'a, Result<bool, SessionError>>;
}

impl<S: ApiKeyStore> Keys for ApiKeys<S, SqlUser> {
    fn create<'a>(
        &'a self,
        backend: &'a BackendName,
        user: &'a UserId,
        new: NewApiKey,
    ) -> BoxFuture<'a, Result<CreatedApiKey, SessionError>> {
        Box::pin(self.create_for(backend.as_str(), user, new))
    }

    fn list<'a>(&'a self, owner: &'a ApiKeyOwner) -> BoxFuture<'a, Result<Vec<ApiKey>, SessionError>> {
        Box::pin(self.of_owner(owner))
    }

    fn revoke<'a>(
        &'a self,
        owner: &'a ApiKeyOwner,
        id: ApiKeyId,
    ) -> BoxFuture<'a, Result<bool, SessionError>> {
        Box::pin(ApiKeys::revoke(self, owner, id))
    }
}

/// The properties of a new API key.
#[derive(Args, Clone, Debug)]
pub struct KeyOptions {
    /// The name by which its owner recognises it
    #[arg(long, value_name = "NAME")]
    pub name: String,
    /// A scope of the key; may be repeated
    #[arg(long = "scope", value_name = "SCOPE", conflicts_with = "all_scopes")]
    pub scopes: Vec<String>,
    /// Everything that its owner may do
    #[arg(long)]
    pub all_scopes: bool,
    /// After how many days it ends [default: 90]
    #[arg(long, value_name = "DAYS", conflicts_with = "never_expires")]
    pub days: Option<u32>,
    /// It is good until it is revoked
    #[arg(long)]
    pub never_expires: bool,
    /// An address or a network from which it may be used; may be repeated
    #[arg(long = "network", value_name = "NETWORK")]
    pub networks: Vec<String>,
}

impl KeyOptions {
    fn to_key(&self) -> Result<NewApiKey, Failure> {
        let refused = |error: &dyn std::fmt::Display| Failure::refused(error.to_string());
        let scopes = if self.all_scopes { Ok(Scopes::all()) } else { Scopes::parse(&self.scopes.join(" ")) };
        let mut new = NewApiKey::new(self.name.as_str()).map_err(|error| refused(&error))?;
        new = new.scopes(scopes.map_err(|error| refused(&error))?);
        for network in &self.networks {
            new = new.network(network).map_err(|error| refused(&error))?;
        }
        Ok(match self.days {
            Some(days) => new.lifetime(Duration::from_secs(u64::from(days) * DAY)),
            None if self.never_expires => new.never_expires(),
            None => new,
        })
    }
}

/// A key in JSON.
#[derive(Serialize)]
struct Row<'a> {
    id: String,
    name: &'a str,
    scopes: Vec<&'a str>,
    all_scopes: bool,
    ends_with: &'a str,
    created: Option<String>,
    expires: Option<String>,
    revoked: Option<String>,
    last_used: Option<String>,
    live: bool,
}

impl<'a> Row<'a> {
    fn of(key: &'a ApiKey, now: Timestamp) -> Self {
        Self {
            id: key.id.to_string(),
            name: key.name(),
            scopes: key.scopes().iter().collect(),
            all_scopes: key.scopes().is_all(),
            ends_with: key.tail(),
            created: time(key.created()),
            expires: key.expires.and_then(time),
            revoked: key.revoked.and_then(time),
            last_used: key.last_used.and_then(time),
            live: key.is_live(now),
        }
    }

    fn line(&self) -> String {
        let state = match (&self.revoked, &self.expires) {
            (Some(at), _) => format!("revoked {at}"),
            (None, Some(at)) if self.live => format!("until {at}"),
            (None, Some(at)) => format!("ended {at}"),
            (None, None) => "without an end".to_owned(),
        };
        let scopes = match (self.all_scopes, self.scopes.is_empty()) {
            (true, _) => "all scopes".to_owned(),
            (false, true) => "no scopes".to_owned(),
            (false, false) => self.scopes.join(" "),
        };
        let used = self.last_used.as_ref().map_or("never used".to_owned(), |at| format!("last used {at}"));
        format!("{}  {}  {scopes}  {state}  {used}  …{}", self.id, shown(self.name), shown(self.ends_with))
    }
}

impl<S: SessionStore> Admin<S> {
    pub(crate) async fn create_key(&self, username: &str, options: &KeyOptions) -> Result<(), Failure> {
        let (keys, new) = (self.keys()?, options.to_key()?);
        let user = self.user(username).await?;
        let created = keys.create(&self.backend, &user.id(), new).await.map_err(|error| failed(&error))?;
        // Only the key goes to standard output, from where a script takes it.
        self.terminal.tell(&format!("made {}; its text is not shown again", created.stored().id));
        say(created.key().expose())
    }

    pub(crate) async fn list_keys(&self, username: &str, json: bool) -> Result<(), Failure> {
        let found = self.keys()?.list(&self.owner(username).await?).await.map_err(|error| failed(&error))?;
        let now = SystemClock.now();
        let rows: Vec<_> = found.iter().map(|key| Row::of(key, now)).collect();
        if json {
            return say_json(&rows);
        }
        if rows.is_empty() {
            self.terminal.tell("there are none");
        }
        rows.iter().try_for_each(|row| say(&row.line()))
    }

    pub(crate) async fn revoke_keys(&self, username: &str, ids: &[String]) -> Result<(), Failure> {
        let (keys, owner) = (self.keys()?, self.owner(username).await?);
        // Parses all of them before it revokes one.
        let parse = |id: &String| {
            id.parse()
                .map_err(|error: auth_core::api_keys::InvalidApiKey| Failure::refused(error.to_string()))
        };
        let ids: Vec<ApiKeyId> = ids.iter().map(parse).collect::<Result<_, _>>()?;
        for id in ids {
            if !keys.revoke(&owner, id).await.map_err(|error| failed(&error))? {
                return Err(Failure::refused(format!("{} has no key {id}", shown(username))));
            }
            say(&format!("revoked {id}"))?;
        }
        Ok(())
    }

    async fn owner(&self, username: &str) -> Result<ApiKeyOwner, Failure> {
        Ok(ApiKeyOwner { backend: self.backend.clone(), user: self.user(username).await?.id() })
    }

    fn keys(&self) -> Result<&dyn Keys, Failure> {
        self.keys.as_deref().ok_or_else(|| {
            Failure::refused(
                "this program does not know the application's API keys: call `Admin::with_api_keys`",
            )
        })
    }
}

fn failed(error: &SessionError) -> Failure {
    match error.kind() {
        SessionErrorKind::TooManyKeys | SessionErrorKind::NoSuchOwner => Failure::refused(error.to_string()),
        _ => Failure::Outage(with_sources(error)),
    }
}
