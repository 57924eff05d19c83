//! Accounts that have to wait: list, unlock.

use std::future::Future;
use std::pin::Pin;

use auth_core::User;
use auth_core::session::{SessionStore, StoreError};
use auth_core::throttle::{self, Account, Bucket, ThrottleStore};
use auth_core::time::{Clock, SystemClock, Timestamp};
use auth_sql::SqlUser;
use serde::Serialize;

use crate::Admin;
use crate::failure::{Failure, with_sources};
use crate::sessions::time;
use crate::shown::shown;
use crate::users::{say, say_json};

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// How many are listed at most.
const MOST: usize = 1_000;

/// A [`ThrottleStore`] of any type.
pub(crate) trait Counted: Send + Sync {
    fn delaying(&self, now: Timestamp) -> BoxFuture<'_, Result<Vec<Bucket>, StoreError>>;
    fn unlock<'a>(&'a self, account: &'a Account, now: Timestamp) -> BoxFuture<'a, Result<u64, StoreError>>;
    fn forget_devices<'a>(
        &'a self,
        account: &'a Account,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<(), StoreError>>;
}

impl<S: ThrottleStore> Counted for S {
    fn delaying(&self, now: Timestamp) -> BoxFuture<'_, Result<Vec<Bucket>, StoreError>> {
        Box::pin(ThrottleStore::delaying(self, now, MOST))
    }

    fn unlock<'a>(&'a self, account: &'a Account, now: Timestamp) -> BoxFuture<'a, Result<u64, StoreError>> {
        Box::pin(throttle::unlock(self, account, now))
    }

    fn forget_devices<'a>(
        &'a self,
        account: &'a Account,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(throttle::forget_devices(self, account, now))
    }
}

/// A waiting account in JSON.
#[derive(Serialize)]
struct Waiting<'a> {
    backend: &'a str,
    id: &'a str,
    failures: u32,
    until: String,
}

impl<S: SessionStore> Admin<S> {
    pub(crate) async fn list_throttled(&self, json: bool) -> Result<(), Failure> {
        let found = self.counted()?.delaying(SystemClock.now()).await?;
        let mut seen = std::collections::HashSet::new();
        // Each name of an account waits separately; the longest wait comes first.
        let accounts = found.iter().filter_map(|bucket| Some((bucket.account()?, bucket)));
        let waiting: Vec<_> = accounts
            .filter(|(account, _)| seen.insert(*account))
            .map(|(account, bucket)| Waiting {
                backend: account.backend(),
                id: account.id(),
                failures: bucket.failures(),
                until: time(bucket.delayed_until()).unwrap_or_else(|| "?".into()),
            })
            .collect();
        if json {
            return say_json(&waiting);
        }
        if waiting.is_empty() {
            self.terminal.tell("there are none");
        }
        waiting.iter().try_for_each(|Waiting { backend, id, failures, until }| {
            say(&format!("{}  until {until}  failed {failures} times", shown(&format!("{backend}:{id}"))))
        })
    }

    pub(crate) async fn unlock(&self, username: Option<&str>, account: Option<&str>) -> Result<(), Failure> {
        let counted = self.counted()?;
        let account = match (account, username) {
            (Some(account), _) => parse(account)?,
            (None, Some(username)) => self.account_of(&self.user(username).await?),
            (None, None) => {
                return Err(Failure::refused("name a user, or an --account of `list-throttled`"));
            }
        };
        let named = format!("{}:{}", account.backend(), account.id());
        match counted.unlock(&account, SystemClock.now()).await? {
            0 => say(&format!("there were no failures for {}", shown(&named))),
            _ => say(&format!("unlocked {}", shown(&named))),
        }
    }

    /// Forgets the devices on which this user signed in. Without a throttle, or if an earlier version created its
    /// tables, there are no devices to forget, and the rest of the command stands.
    pub(crate) async fn forget_devices(&self, user: &SqlUser) {
        let Some(counted) = &self.counted else { return };
        if let Err(error) = counted.forget_devices(&self.account_of(user), SystemClock.now()).await {
            let why = with_sources(&error);
            self.terminal.tell(&format!("note: the throttle still knows the devices of the user: {why}"));
        }
    }

    fn account_of(&self, user: &SqlUser) -> Account {
        Account::of(&self.backend, &user.id())
    }

    fn counted(&self) -> Result<&dyn Counted, Failure> {
        self.counted.as_deref().ok_or_else(|| {
            Failure::refused("this program does not know the throttle's store: call `Admin::with_throttle`")
        })
    }
}

/// `BACKEND:ID`, as in the output of `list-throttled`.
fn parse(account: &str) -> Result<Account, Failure> {
    let (backend, id) = account.split_once(':').unwrap_or_default();
    match auth_core::BackendName::new(backend) {
        Some(backend) if !id.is_empty() => Ok(Account::new(&backend, id)),
        _ => Err(Failure::refused("an account is BACKEND:ID, as `list-throttled` shows it")),
    }
}
