//! Second factors: list, reset.

use std::future::Future;
use std::pin::Pin;

use auth_core::User;
use auth_core::factors::{FactorKind, FactorOwner, FactorStore, StoredFactor};
use auth_core::session::{SessionStore, StoreError};
use auth_sql::SqlUser;
use serde::Serialize;

use crate::Admin;
use crate::failure::Failure;
use crate::sessions::time;
use crate::shown::shown;
use crate::users::{say, say_json};

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The longest reason, in bytes.
const MAX_REASON_LEN: usize = 500;

/// A [`FactorStore`] of any type.
pub(crate) trait Enrolled: Send + Sync {
    fn list<'a>(&'a self, owner: &'a FactorOwner) -> BoxFuture<'a, Result<Vec<StoredFactor>, StoreError>>;
    fn remove_all<'a>(&'a self, owner: &'a FactorOwner) -> BoxFuture<'a, Result<u64, StoreError>>;
}

impl<S: FactorStore> Enrolled for S {
    fn list<'a>(&'a self, owner: &'a FactorOwner) -> BoxFuture<'a, Result<Vec<StoredFactor>, StoreError>> {
        Box::pin(self.of_owner(owner))
    }

    fn remove_all<'a>(&'a self, owner: &'a FactorOwner) -> BoxFuture<'a, Result<u64, StoreError>> {
        Box::pin(FactorStore::remove_all(self, owner))
    }
}

/// A factor in JSON, without its secret or a hash.
#[derive(Serialize)]
struct Row<'a> {
    id: String,
    kind: &'static str,
    name: &'a str,
    created: Option<String>,
    confirmed: Option<String>,
    last_used: Option<String>,
    /// For a set of recovery codes.
    codes_left: Option<usize>,
}

impl<'a> Row<'a> {
    fn of(factor: &'a StoredFactor) -> Self {
        Self {
            id: factor.id.to_string(),
            kind: factor.kind.name(),
            name: &factor.name,
            created: time(factor.created),
            confirmed: factor.confirmed.and_then(time),
            last_used: factor.last_used.and_then(time),
            codes_left: (factor.kind == FactorKind::RecoveryCodes).then_some(factor.codes.len()),
        }
    }

    fn line(&self) -> String {
        let Self { id, kind, .. } = self;
        let created = self.created.as_deref().unwrap_or("?");
        let confirmed =
            self.confirmed.as_ref().map_or("not confirmed".into(), |at| format!("confirmed {at}"));
        let used = self.last_used.as_ref().map_or("never used".into(), |at| format!("last used {at}"));
        let left = self.codes_left.map(|left| format!("  {left} codes left")).unwrap_or_default();
        format!("{id}  {kind}  {}  created {created}  {confirmed}  {used}{left}", shown(self.name))
    }
}

impl<S: SessionStore> Admin<S> {
    pub(crate) async fn list_factors(&self, username: &str, json: bool) -> Result<(), Failure> {
        let enrolled = self.enrolled()?;
        let found = enrolled.list(&self.factor_owner(&self.user(username).await?)).await?;
        let rows: Vec<_> = found.iter().map(Row::of).collect();
        if json {
            return say_json(&rows);
        }
        if rows.is_empty() {
            self.terminal.tell("there are none");
        }
        rows.iter().try_for_each(|row| say(&row.line()))
    }

    pub(crate) async fn reset_factors(
        &self,
        username: &str,
        reason: &str,
        is_confirmed: bool,
    ) -> Result<(), Failure> {
        let (enrolled, reason) = (self.enrolled()?, printable(reason)?);
        let user = self.user(username).await?;
        let name = shown(user.username());
        if !is_confirmed {
            self.confirm(&format!("Remove all second factors of {name} and end the sessions?")).await?;
        }
        let owner = self.factor_owner(&user);
        let removed = enrolled.remove_all(&owner).await?;
        tracing::warn!(
            target: "auth", backend = owner.backend.as_str(), user = owner.user.as_str(), removed, reason,
            "an administrator reset the second factors of a user"
        );
        // After the factors, so that sessions which they let in meanwhile end, too. It happens even if no factor is
        // left, for an operator who repeats an interrupted command.
        let ended = self.end_everywhere(&user).await;
        let ended = ended.map_err(|failure| failure.after("the second factors were removed"))?;
        say(&format!("removed {removed} second factors of {name} and ended {ended} sessions: {reason}"))
    }

    async fn confirm(&self, question: &str) -> Result<(), Failure> {
        if !self.terminal.is_interactive() {
            return Err(Failure::Usage("there is no terminal to ask for confirmation: use --yes".into()));
        }
        if self.terminal.agrees(question).await? {
            Ok(())
        } else {
            Err(Failure::refused("nothing was changed"))
        }
    }

    fn factor_owner(&self, user: &SqlUser) -> FactorOwner {
        FactorOwner { backend: self.backend.clone(), user: user.id() }
    }

    fn enrolled(&self) -> Result<&dyn Enrolled, Failure> {
        self.enrolled.as_deref().ok_or_else(|| {
            Failure::refused(
                "this program does not know the store of second factors: call `Admin::with_factors`",
            )
        })
    }
}

/// A reason in a form that logs and terminals can show.
fn printable(reason: &str) -> Result<String, Failure> {
    if reason.trim().is_empty() || reason.len() > MAX_REASON_LEN {
        return Err(Failure::Refused(format!(
            "a reason has 1 to {MAX_REASON_LEN} bytes, not all of them blank"
        )));
    }
    Ok(shown(reason.trim()))
}
