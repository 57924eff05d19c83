//! The decision: what to change, from what a store found, an identity and a policy.

use std::collections::BTreeSet;

use super::plan::Step;
use super::rules::{Said, fitting};
use super::{
    Account, Change, Creation, Found, Kept, Linking, Missing, NameState, NewUser, Owner, Plan, Policy, Right,
    UnknownGroups, Update, Write,
};
use crate::backend::{DenyReason, Identity};
use crate::identity::{Email, Groups};

/// The groups are unknown, and the policy refuses people in that case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct GroupsUnknown;

/// What to change. `username` is the name that a new user would get.
pub(super) fn decide(
    policy: &Policy,
    identity: &Identity,
    username: &str,
    found: &Found,
) -> Result<Plan, GroupsUnknown> {
    if let Some(account) = &found.account {
        return update(policy, identity, found, account, Vec::new());
    }
    match link(policy, identity, &found.by_email) {
        Link::Nobody => create(policy, identity, username, found.name),
        Link::To(account, changes) => update(policy, identity, found, account, changes),
        Link::Refused(reason) => Ok(Plan::refuse(reason)),
    }
}

/// The user found by a known address.
enum Link<'a> {
    Nobody,
    To(&'a Account, Vec<Change>),
    Refused(DenyReason),
}

fn link<'a>(policy: &Policy, identity: &Identity, by_email: &'a [Account]) -> Link<'a> {
    let Some(email) = identity.email().filter(|_| policy.links != Linking::Never) else {
        return Link::Nobody;
    };
    let account = match by_email {
        [] => return Link::Nobody,
        // A user who is linked already has another person's identity.
        [account] if email.verified && account.identity.is_none() => account,
        _ => return Link::Refused(DenyReason::EmailTaken),
    };
    let (issuer, subject) = (identity.issuer().to_owned(), identity.subject().to_owned());
    let linked = Change::Link { issuer, subject };
    match (&account.email, policy.links) {
        (Some(Email { verified: true, .. }), _) => Link::To(account, vec![linked]),
        (_, Linking::VerifiedEmailOrClaim) => Link::To(account, vec![Change::Claim, linked]),
        _ => Link::Refused(DenyReason::EmailTaken),
    }
}

fn create(
    policy: &Policy,
    identity: &Identity,
    username: &str,
    name: NameState,
) -> Result<Plan, GroupsUnknown> {
    if policy.creation != Creation::Create {
        return Ok(Plan::refuse(DenyReason::NotPermitted));
    }
    match name {
        NameState::Taken => return Ok(Plan::refuse(DenyReason::NameTaken)),
        NameState::Invalid => return Ok(Plan::refuse(DenyReason::InvalidName)),
        NameState::Free => {}
    }
    let mut sync = Sync {
        policy,
        identity,
        before: None,
        sole: &BTreeSet::new(),
        changes: Vec::new(),
        kept: Vec::new(),
    };
    sync.all()?;
    let new = NewUser {
        issuer: identity.issuer().to_owned(),
        subject: identity.subject().to_owned(),
        username: username.to_owned(),
        changes: sync.changes,
    };
    Ok(Plan { step: Step::Write(Write::Create(new)), kept: sync.kept })
}

fn update(
    policy: &Policy,
    identity: &Identity,
    found: &Found,
    account: &Account,
    changes: Vec<Change>,
) -> Result<Plan, GroupsUnknown> {
    if !account.active {
        return Ok(Plan::refuse(DenyReason::Disabled));
    }
    let leave = Step::Leave(account.id.clone());
    if policy.creation == Creation::ExistingOnly {
        return Ok(Plan { step: leave, kept: Vec::new() });
    }
    let mut sync =
        Sync { policy, identity, before: Some(account), sole: &found.sole, changes, kept: Vec::new() };
    sync.all()?;
    let step = if sync.changes.is_empty() {
        leave
    } else {
        Step::Write(Write::Update(Update { before: account.clone(), changes: sync.changes }))
    };
    Ok(Plan { step, kept: sync.kept })
}

/// Collects the changes.
struct Sync<'a> {
    policy: &'a Policy,
    identity: &'a Identity,
    /// The user, unless a new one is created.
    before: Option<&'a Account>,
    sole: &'a BTreeSet<Right>,
    changes: Vec<Change>,
    kept: Vec<Kept>,
}

impl Sync<'_> {
    fn all(&mut self) -> Result<(), GroupsUnknown> {
        self.attributes();
        self.email();
        self.rights()
    }

    fn attributes(&mut self) {
        for (field, rule) in &self.policy.attributes {
            let value = match (rule.read(self.identity), rule.missing) {
                (Said::Value(value), _) => Some(value),
                (Said::Nothing, Missing::Clear) => None,
                (Said::Nothing, Missing::Keep) => continue,
                (Said::Unfit, _) => {
                    self.kept.push(Kept::Unfit(field.as_str().into()));
                    continue;
                }
            };
            let current = self.before.and_then(|account| account.attributes.get(field));
            if self.may_write(rule.owner, field, current) && current != value.as_ref() {
                self.changes.push(Change::Attribute { field: field.clone(), value: value.clone() });
            }
            self.track(rule.owner, field, current, value);
        }
    }

    fn email(&mut self) {
        let Some((owner, email)) = self.policy.email.zip(self.identity.email()) else { return };
        let Said::Value(address) = fitting(email.address.to_ascii_lowercase()) else {
            self.kept.push(Kept::Unfit(Change::EMAIL.into()));
            return;
        };
        let before = self.before.and_then(|account| account.email.as_ref());
        let current = before.map(|email| &email.address);
        let verified = email.verified;
        let other = current != Some(&address) && self.may_write(owner, Change::EMAIL, current);
        // An address that the application verified stays verified; a verification from outside counts only for the
        // same address.
        let proven = verified
            && owner != Owner::Local
            && before.is_some_and(|before| before.address == address && !before.verified);
        if other || proven {
            self.changes.push(Change::Email(Email { address: address.clone(), verified }));
        }
        self.track(owner, Change::EMAIL, current.cloned().as_ref(), Some(address));
    }

    /// Whether the outside value replaces the current one.
    fn may_write(&self, owner: Owner, field: &str, current: Option<&String>) -> bool {
        match owner {
            Owner::External => true,
            Owner::Local => self.before.is_none(),
            Owner::ExternalUntilEdited => current == self.tracked(field),
        }
    }

    fn tracked(&self, field: &str) -> Option<&String> {
        self.before.and_then(|account| account.tracked.get(field))
    }

    /// Remembers the outside value of a field that holds it now, or did before.
    fn track(&mut self, owner: Owner, field: &str, current: Option<&String>, value: Option<String>) {
        let holds = current == self.tracked(field) || current == value.as_ref();
        if owner == Owner::ExternalUntilEdited && holds && self.tracked(field) != value.as_ref() {
            self.changes.push(Change::Track { field: field.to_owned(), value });
        }
    }

    fn rights(&mut self) -> Result<(), GroupsUnknown> {
        let Policy { grants, managed, guarded, unknown_groups, .. } = self.policy;
        if managed.is_empty() {
            return Ok(());
        }
        let groups = match (self.identity.groups(), unknown_groups) {
            (Groups::Known(groups), _) => groups,
            (Groups::Unknown, UnknownGroups::Unavailable) => return Err(GroupsUnknown),
            (Groups::Unknown, UnknownGroups::KeepRights) => {
                self.kept.push(Kept::Rights);
                return Ok(());
            }
        };
        let given: BTreeSet<&Right> = groups.iter().filter_map(|group| grants.get(group)).flatten().collect();
        for right in managed {
            let held = self.before.is_some_and(|account| account.rights.contains(right));
            match (given.contains(right), held) {
                (true, false) if self.is_sensitive(right) && !self.policy.raised.contains(right) => {
                    self.kept.push(Kept::NotRaised(right.clone()));
                }
                (true, false) => self.changes.push(Change::Give(right.clone())),
                (false, true) if self.sole.contains(right) => self.kept.push(Kept::LastHolder(right.clone())),
                (false, true) => {
                    let (right, guarded) = (right.clone(), guarded.contains(right));
                    self.changes.push(Change::Take { right, guarded });
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn is_sensitive(&self, right: &Right) -> bool {
        matches!(right, Right::Flag(_)) || self.policy.guarded.contains(right)
    }
}
