//! Planning: what the logins of all people in a directory would change.

use std::collections::HashSet;
use std::error::Error as _;
use std::fmt;
use std::process::ExitCode;

use auth_core::backend::{BackendError, BackendErrorKind, Identity, Standing};
use auth_core::provisioning::{Plan, ProvisionedUsers, Write};
use auth_core::session::SessionStore;
use auth_ldap::{Ldap, Listed};
use auth_sql::{SqlUsers, canonical};

use crate::Admin;
use crate::failure::{Failure, with_sources};
use crate::progress::Progress;
use crate::shown::shown;
use crate::users::say;

/// The exit code for "something would change".
const WOULD_CHANGE: u8 = 2;

/// The directory, and the users that logins would change.
pub(crate) struct Planner {
    directory: Ldap,
    users: ProvisionedUsers<SqlUsers>,
}

/// What a login would result in.
enum Fate {
    Create,
    Update,
    Refuse,
    Nothing,
    Unknown,
}

/// How many there are of each.
#[derive(Default)]
struct Count {
    created: u64,
    updated: u64,
    refused: u64,
    unchanged: u64,
    unknown: u64,
}

impl<S: SessionStore> Admin<S> {
    pub(crate) async fn plan_users(&self, changes: bool) -> Result<ExitCode, Failure> {
        let planner = self.planner.as_ref().ok_or_else(|| {
            Failure::refused(
                "no directory is named: `--directory`, or `Admin::with_directory` in an application",
            )
        })?;
        let mut people = planner.directory.everybody();
        let (mut count, mut names) = (Count::default(), HashSet::new());
        let mut progress = Progress::without_end("planned");
        loop {
            let cut_off = |failure: Failure| failure.after(&format!("{} were planned", count.all()));
            let Some(person) = people.next().await.map_err(|error| cut_off(error.into()))? else { break };
            let (fate, text) = planner.plan(&person, &mut names).await.map_err(cut_off)?;
            if !(changes && matches!(fate, Fate::Nothing)) {
                // A DN contains backslashes, and is there to be copied.
                let dn = shown(&person.dn).replace(r"\\", r"\");
                progress.beside(|| say(&format!("{dn}: {text}")))?;
            }
            count.add(&fate);
            progress.advance(1);
        }
        progress.finish();
        say(&count.to_string())?;
        count.code()
    }
}

impl Planner {
    pub(crate) fn new(directory: Ldap, users: ProvisionedUsers<SqlUsers>) -> Self {
        Self { directory, users }
    }

    /// What a login would result in, for people to read. `names` contains the names of the users who would be created
    /// so far.
    async fn plan(&self, person: &Listed, names: &mut HashSet<String>) -> Result<(Fate, String), Failure> {
        match &person.standing {
            Ok(Standing::Good(identity)) => self.provision(identity, person, names).await,
            Ok(Standing::Refused(reason)) => Ok((Fate::Refuse, format!("refuse: {reason:?}"))),
            Ok(Standing::Gone) => Ok((Fate::Nothing, "gone meanwhile".into())),
            Err(error) => Ok((Fate::Unknown, format!("not known: {}", with_sources(error)))),
        }
    }

    async fn provision(
        &self,
        identity: &Identity,
        person: &Listed,
        names: &mut HashSet<String>,
    ) -> Result<(Fate, String), Failure> {
        match self.users.plan(identity).await {
            Ok(plan) => {
                let taken = if is_taken(&plan, names) { TAKEN } else { "" };
                Ok((Fate::of(&plan), format!("{plan}{taken}")))
            }
            // The error concerns this person only, and usually their groups.
            Err(error) if error.kind() == BackendErrorKind::Undecided => {
                let limit = person.limit.as_ref().map(|limit| format!(": {}", why(limit)));
                Ok((Fate::Unknown, format!("not known: {}{}", why(&error), limit.unwrap_or_default())))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// The reason behind an error.
fn why(error: &BackendError) -> String {
    error.source().map_or_else(|| error.to_string(), with_sources)
}

const TAKEN: &str = "\n  ! another person above would get this name, too: the first to sign in gets it";

/// Whether this name would be created for somebody else, too: each person is planned as if they were the first.
fn is_taken(plan: &Plan, names: &mut HashSet<String>) -> bool {
    let Some(Write::Create(new)) = plan.write() else { return false };
    canonical(&new.username).is_ok_and(|name| !names.insert(name.as_str().to_owned()))
}

impl Fate {
    fn of(plan: &Plan) -> Self {
        match (plan.write(), plan.refused()) {
            (Some(Write::Create(_)), _) => Self::Create,
            (Some(Write::Update(_)), _) => Self::Update,
            (None, Some(_)) => Self::Refuse,
            (None, None) => Self::Nothing,
        }
    }
}

impl Count {
    fn add(&mut self, fate: &Fate) {
        let count = match fate {
            Fate::Create => &mut self.created,
            Fate::Update => &mut self.updated,
            Fate::Refuse => &mut self.refused,
            Fate::Nothing => &mut self.unchanged,
            Fate::Unknown => &mut self.unknown,
        };
        *count += 1;
    }

    fn all(&self) -> u64 {
        let Self { created, updated, refused, unchanged, unknown } = self;
        created + updated + refused + unchanged + unknown
    }

    fn code(&self) -> Result<ExitCode, Failure> {
        match (self.unknown, self.created + self.updated) {
            (0, 0) => Ok(ExitCode::SUCCESS),
            (0, _) => Ok(ExitCode::from(WOULD_CHANGE)),
            (unknown, _) => Err(Failure::Refused(format!("what {unknown} logins would change is not known"))),
        }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { created, updated, refused, unchanged, unknown } = self;
        write!(f, "would create {created} users, update {updated} and refuse {refused}; ")?;
        write!(f, "nothing changes for {unchanged}, unknown for {unknown}")
    }
}
