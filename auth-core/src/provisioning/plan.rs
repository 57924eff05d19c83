//! [`Plan`]: what a login would change, and why it changes no more.

use std::fmt;

use super::{Account, Changed, Kept, Right};
use crate::UserId;
use crate::backend::DenyReason;
use crate::hidden;
use crate::identity::Email;

/// What a login would change. Its `Display` is a diff for people; it quotes the values, without characters that
/// control a terminal. [`ProvisionedUsers::plan`](crate::provisioning::ProvisionedUsers::plan) shows an example.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Plan {
    pub(super) step: Step,
    pub(super) kept: Vec<Kept>,
}

/// What happens to the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Refuse(DenyReason),
    Leave(UserId),
    Write(Write),
}

/// What a store has to write, all of it or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// A new user.
    Create(NewUser),
    /// Changes of an existing user.
    Update(Update),
}

/// A user to create: active, and without a password.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewUser {
    /// The issuer that the user belongs to.
    pub issuer: String,
    /// The subject that the user belongs to.
    pub subject: String,
    /// The name.
    pub username: String,
    /// What the user has from the start. Never [`Change::Link`], [`Change::Claim`] or [`Change::Take`].
    pub changes: Vec<Change>,
}

impl fmt::Debug for NewUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewUser")
            .field("issuer", &self.issuer)
            .field("subject", &hidden::text(&self.subject))
            .field("username", &hidden::text(&self.username))
            .field("changes", &self.changes)
            .finish()
    }
}

/// Changes of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Update {
    /// The user as the decision saw it.
    pub before: Account,
    /// What changes.
    pub changes: Vec<Change>,
}

/// A single change.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// The user belongs to this issuer and subject from now on.
    Link {
        /// The issuer.
        issuer: String,
        /// The subject.
        subject: String,
    },
    /// The password is removed and all sessions end.
    Claim,
    /// The address.
    Email(Email),
    /// The value of a field; `None` for no value.
    Attribute {
        /// The field.
        field: String,
        /// Its value.
        value: Option<String>,
    },
    /// What a field received from outside, to be remembered.
    Track {
        /// The field; [`Change::EMAIL`] for the address.
        field: String,
        /// The value; `None` if there is none.
        value: Option<String>,
    },
    /// The user receives this right.
    Give(Right),
    /// The user loses this right.
    Take {
        /// The right.
        right: Right,
        /// Whether the right must stay if no other active user holds it at that time.
        guarded: bool,
    },
}

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let valued = |f: &mut fmt::Formatter<'_>, variant, field: &String, value: &Option<String>| {
            let value = hidden::optional(value.as_deref());
            f.debug_struct(variant).field("field", field).field("value", &value).finish()
        };
        match self {
            Self::Link { issuer, subject } => {
                let subject = hidden::text(subject);
                f.debug_struct("Link").field("issuer", issuer).field("subject", &subject).finish()
            }
            Self::Claim => f.write_str("Claim"),
            Self::Email(email) => f.debug_tuple("Email").field(email).finish(),
            Self::Attribute { field, value } => valued(f, "Attribute", field, value),
            Self::Track { field, value } => valued(f, "Track", field, value),
            Self::Give(right) => f.debug_tuple("Give").field(right).finish(),
            Self::Take { right, guarded } => {
                f.debug_struct("Take").field("right", right).field("guarded", guarded).finish()
            }
        }
    }
}

impl Change {
    /// The name under which the address is [tracked](Self::Track). No field has this name.
    pub const EMAIL: &'static str = "@email";

    /// The change without values.
    fn summary(&self) -> Option<Changed> {
        match self {
            Self::Link { .. } => Some(Changed::Linked),
            Self::Claim => Some(Changed::Claimed),
            Self::Email(_) => Some(Changed::Email),
            Self::Attribute { field, .. } => Some(Changed::Attribute(field.as_str().into())),
            Self::Give(right) => Some(Changed::Given(right.clone())),
            Self::Take { right, .. } => Some(Changed::Taken(right.clone())),
            Self::Track { .. } => None,
        }
    }
}

impl Plan {
    pub(super) fn refuse(reason: DenyReason) -> Self {
        Self { step: Step::Refuse(reason), kept: Vec::new() }
    }

    /// Why the login would be refused, if so.
    pub fn refused(&self) -> Option<DenyReason> {
        match self.step {
            Step::Refuse(reason) => Some(reason),
            Step::Leave(_) | Step::Write(_) => None,
        }
    }

    /// What a store would write; `None` if nothing.
    pub fn write(&self) -> Option<&Write> {
        match &self.step {
            Step::Write(write) => Some(write),
            Step::Refuse(_) | Step::Leave(_) => None,
        }
    }

    /// What stays, although the outside system says otherwise.
    pub fn kept(&self) -> &[Kept] {
        &self.kept
    }
}

impl Write {
    /// The changes, without values.
    pub(super) fn summary(&self) -> Vec<Changed> {
        self.changes().iter().filter_map(Change::summary).collect()
    }

    fn changes(&self) -> &[Change] {
        match self {
            Self::Create(NewUser { changes, .. }) | Self::Update(Update { changes, .. }) => changes,
        }
    }

    fn before(&self) -> Option<&Account> {
        match self {
            Self::Create(_) => None,
            Self::Update(update) => Some(&update.before),
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.step {
            Step::Refuse(reason) => write!(f, "refuse: {reason:?}")?,
            Step::Leave(id) => write!(f, "user {}: nothing changes", id.as_str().escape_debug())?,
            Step::Write(write) => write.fmt(f)?,
        }
        self.kept.iter().try_for_each(|kept| write!(f, "\n  ! {kept}"))
    }
}

impl fmt::Display for Write {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create(new) => {
                let NewUser { issuer, subject, username, .. } = new;
                write!(f, "create user {username:?} for {subject:?} at {issuer:?}")?;
            }
            Self::Update(Update { before, .. }) => {
                write!(f, "update user {} ({:?})", before.id.as_str().escape_debug(), before.username)?;
            }
        }
        self.changes().iter().try_for_each(|change| line(f, change, self.before()))
    }
}

fn line(f: &mut fmt::Formatter<'_>, change: &Change, before: Option<&Account>) -> fmt::Result {
    match change {
        Change::Link { issuer, subject } => write!(f, "\n  + belongs to {subject:?} at {issuer:?}"),
        Change::Claim => f.write_str("\n  - password and sessions"),
        Change::Email(email) => {
            let old = before.and_then(|account| account.email.as_ref());
            let old = old.map(|email| (email.address.as_str(), email.verified));
            write!(f, "\n  ~ email: {} -> {}", Address(old), Address(Some((&email.address, email.verified))))
        }
        Change::Attribute { field, value } => {
            let old = before.and_then(|account| account.attributes.get(field));
            write!(f, "\n  ~ {field}: {} -> {}", Quoted(old), Quoted(value.as_ref()))
        }
        Change::Give(right) => write!(f, "\n  + {right}"),
        Change::Take { right, .. } => write!(f, "\n  - {right}"),
        Change::Track { .. } => Ok(()),
    }
}

struct Quoted<'a>(Option<&'a String>);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(value) => write!(f, "{value:?}"),
            None => f.write_str("nothing"),
        }
    }
}

struct Address<'a>(Option<(&'a str, bool)>);

impl fmt::Display for Address<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some((address, true)) => write!(f, "{address:?} (verified)"),
            Some((address, false)) => write!(f, "{address:?} (not verified)"),
            None => f.write_str("nothing"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever a table holds or a directory says, it is text for a terminal and no command, and stays in its line.
    #[test]
    fn nothing_commands_the_terminal() {
        let odd = "a\u{1b}[2J\n\u{202e}";
        let account = Account::new(UserId::new(odd).unwrap(), odd);
        let all = |text: &str| {
            vec![
                Change::Link { issuer: text.into(), subject: text.into() },
                Change::Email(Email { address: text.into(), verified: true }),
                Change::Attribute { field: "phone".into(), value: Some(text.into()) },
                Change::Give(Right::permission(text)),
            ]
        };
        let new =
            NewUser { issuer: odd.into(), subject: odd.into(), username: odd.into(), changes: all(odd) };
        let update = Update { before: account.clone(), changes: all(odd) };
        for (step, lines) in [
            (Step::Leave(account.id), 1),
            (Step::Write(Write::Create(new)), 5),
            (Step::Write(Write::Update(update)), 5),
        ] {
            let text = Plan { step, kept: vec![Kept::NotRaised(Right::flag(odd))] }.to_string();
            assert_eq!(text.lines().count(), lines + 1, "{text:?}");
            assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text:?}");
        }
    }
}
