//! Sessions: list, end, purge.

use std::net::IpAddr;

use auth_core::session::{SessionKey, SessionRecord, SessionStore, UserSessions};
use auth_core::time::{Clock, SystemClock, Timestamp};
use auth_core::{User, UserId};
use auth_sql::{SqlUser, UserErrorKind};
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::Admin;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::shown::shown;
use crate::users::{say, say_json};

/// How many sessions one step removes at most, so that others do not wait long for it.
const BATCH: u64 = 1_000;
/// The fewest digits that identify a session.
const MIN_DIGITS: usize = 8;
/// The digits of a session's id that are shown to people.
const SHOWN_DIGITS: usize = 16;

impl<S: SessionStore> Admin<S> {
    pub(crate) async fn log_out_everywhere(&self, username: &str) -> Result<(), Failure> {
        let user = self.user(username).await?;
        let ended = self.end_everywhere(&user).await?;
        say(&format!("ended {ended} sessions of {}", shown(user.username())))
    }

    /// Ends all sessions of a user, and returns how many the store had.
    pub(crate) async fn end_everywhere(&self, user: &SqlUser) -> Result<u64, Failure> {
        match self.users.end_sessions(&user.id()).await {
            // Without stamps, the sessions in the store are all there are.
            Err(error) if error.kind() == UserErrorKind::NoStamps => (),
            done => done?,
        }
        self.end_all(user).await
    }

    pub(crate) async fn list_sessions(&self, username: &str, json: bool) -> Result<(), Failure> {
        let user = self.user(username).await?;
        let sessions = self.sessions_of(&user).await?;
        if json {
            let all: Vec<_> = sessions.iter().map(|(key, record)| Shown::of(key, record)).collect();
            return say_json(&all);
        }
        if sessions.is_empty() {
            self.terminal.tell("there are none");
        }
        sessions.iter().try_for_each(|(key, record)| say(&as_line(key, record)))
    }

    pub(crate) async fn end_sessions(&self, username: &str, ids: &[String]) -> Result<(), Failure> {
        let user = self.user(username).await?;
        let sessions = self.sessions_of(&user).await?;
        // Finds all of them before it ends one.
        let keys = ids.iter().map(|id| the_one(&sessions, id)).collect::<Result<Vec<_>, _>>()?;
        for key in &keys {
            self.sessions.delete(key).await?;
        }
        say(&format!("ended {} sessions of {}", keys.len(), shown(user.username())))
    }

    pub(crate) async fn purge(&self) -> Result<(), Failure> {
        let now = SystemClock.now();
        let mut progress = Progress::without_end("purged");
        loop {
            let purged = self.sessions.purge_expired(now, BATCH).await?;
            progress.advance(purged);
            if purged < BATCH {
                break;
            }
        }
        say(&format!("purged {} expired sessions", progress.finish()))
    }

    /// Deletes all sessions of a user, and returns how many.
    pub(crate) async fn end_all(&self, user: &SqlUser) -> Result<u64, Failure> {
        let ended = self.sessions.delete_user(self.theirs(&user.id()), None).await?;
        self.forget_devices(user).await;
        Ok(ended)
    }

    fn theirs<'a>(&'a self, user: &'a UserId) -> UserSessions<'a> {
        UserSessions { realm: self.realm.as_ref(), backend: &self.backend, user }
    }

    async fn sessions_of(&self, user: &SqlUser) -> Result<Vec<(SessionKey, SessionRecord)>, Failure> {
        Ok(self.sessions.list_user(self.theirs(&user.id()), SystemClock.now()).await?)
    }
}

/// The session whose id begins with these digits.
fn the_one(sessions: &[(SessionKey, SessionRecord)], id: &str) -> Result<SessionKey, Failure> {
    let id = id.to_ascii_lowercase();
    if id.len() < MIN_DIGITS {
        return Err(Failure::refused(format!("an id needs at least {MIN_DIGITS} digits")));
    }
    let mut found = sessions.iter().filter(|(key, _)| key.to_string().starts_with(&id));
    match (found.next(), found.next()) {
        (Some((key, _)), None) => Ok(*key),
        (Some(_), Some(_)) => Err(Failure::refused("several sessions begin with this: nothing was ended")),
        (None, _) => Err(Failure::refused("the user has no such session: nothing was ended")),
    }
}

/// A session in JSON.
#[derive(Serialize)]
struct Shown<'a> {
    id: String,
    created: Option<String>,
    authenticated: Option<String>,
    last_seen: Option<String>,
    expires: Option<String>,
    address: Option<IpAddr>,
    user_agent: Option<&'a str>,
}

impl<'a> Shown<'a> {
    fn of(key: &SessionKey, record: &'a SessionRecord) -> Self {
        let client = record.client.as_deref();
        Self {
            id: key.to_string(),
            created: time(record.created),
            authenticated: time(record.authenticated),
            last_seen: time(record.last_seen),
            expires: time(record.expires),
            address: client.and_then(|client| client.address),
            user_agent: client.and_then(|client| client.user_agent.as_deref()),
        }
    }
}

fn as_line(key: &SessionKey, record: &SessionRecord) -> String {
    let id: String = key.to_string().chars().take(SHOWN_DIGITS).collect();
    let [created, seen, expires] = [record.created, record.last_seen, record.expires]
        .map(|moment| time(moment).unwrap_or_else(|| "?".into()));
    let client = record.client.as_deref();
    let address = client.and_then(|client| client.address).map(|address| format!("  {address}"));
    let agent =
        client.and_then(|client| client.user_agent.as_deref()).map(|agent| format!("  {}", shown(agent)));
    let (address, agent) = (address.unwrap_or_default(), agent.unwrap_or_default());
    format!("{id}  created {created}  last seen {seen}  expires {expires}{address}{agent}")
}

/// To the second, in UTC; nothing for a time outside of the calendar.
pub(crate) fn time(time: Timestamp) -> Option<String> {
    let seconds = i64::try_from(time.as_millis() / 1_000).ok()?;
    OffsetDateTime::from_unix_timestamp(seconds).ok()?.format(&Rfc3339).ok()
}
