//! A store in memory, and faults that may be put into it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use auth_core::backend::{BackendError, Email, UserSource};
use auth_core::conformance::provisioning::Site;
use auth_core::provisioning::{
    Account, Applied, Change, Found, NameState, NewUser, ProvisionStore, Provisioning, Query, Right, Update,
    Write,
};
use auth_core::{ConfigError, User, UserId};

/// What a faulty store does otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    TakesEveryPolicy,
    FindsBySubjectOnly,
    IgnoresCase,
    ForgetsNames,
    LinksByName,
    ForgetsRights,
    ForgetsTracking,
    CreatesInTwoSteps,
    CreatesSecondUsers,
    UpdatesWhateverThereIs,
    ClaimsKeepSessions,
    FindsNobodyByAddress,
    ToldLastNever,
    TakesFromTheLast,
    CountsDisabledHolders,
    ForgetsIdentities,
    TakesAnybodysIdentity,
}

/// A user of the store.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) account: Account,
    pub(crate) stamp: u64,
}

impl User for Person {
    fn id(&self) -> UserId {
        self.account.id.clone()
    }
    fn security_stamp(&self) -> &[u8] {
        // Any bytes that change with it.
        const STAMPS: [&[u8]; 2] = [b"before", b"after"];
        STAMPS[usize::from(self.stamp > 0)]
    }
    fn is_active(&self) -> bool {
        self.account.active
    }
    fn has_permission(&self, permission: &str) -> bool {
        self.account.rights.contains(&Right::permission(permission))
    }
}

#[derive(Clone, Default)]
pub(crate) struct Memory {
    people: Arc<Mutex<Vec<Person>>>,
    fault: Option<Fault>,
}

impl Memory {
    pub(crate) fn new(fault: Option<Fault>) -> Self {
        Self { fault, ..Self::default() }
    }

    pub(crate) fn people(&self) -> MutexGuard<'_, Vec<Person>> {
        self.people.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    fn insert(people: &mut Vec<Person>, username: &str) -> UserId {
        let id = UserId::from(people.len() as u64 + 1);
        people.push(Person { account: Account::new(id.clone(), username), stamp: 0 });
        id
    }

    fn belongs(&self, account: &Account, issuer: &str, subject: &str) -> bool {
        account.identity.as_ref().is_some_and(|(iss, sub)| {
            if self.is(Fault::IgnoresCase) {
                return iss.eq_ignore_ascii_case(issuer) && sub.eq_ignore_ascii_case(subject);
            }
            (iss == issuer || self.is(Fault::FindsBySubjectOnly)) && sub == subject
        })
    }

    fn is_sole(&self, people: &[Person], right: &Right, id: &UserId) -> bool {
        let holds = |person: &&Person| person.account.active || self.is(Fault::CountsDisabledHolders);
        let mut others = people.iter().filter(|person| person.account.id != *id).filter(holds);
        !others.any(|person| person.account.rights.contains(right))
    }

    fn create(&self, new: &NewUser) -> Applied {
        let mut people = self.people();
        let has_key = people.iter().any(|person| self.belongs(&person.account, &new.issuer, &new.subject));
        if has_key && !self.is(Fault::CreatesSecondUsers) {
            return Applied::Conflict;
        }
        let same = people.iter().find(|person| *person.account.username == *new.username);
        match same {
            Some(same) if self.is(Fault::LinksByName) => return Applied::Done(same.account.id.clone()),
            Some(_) if !self.is(Fault::ForgetsNames) => return Applied::Conflict,
            _ => {}
        }
        let id = Self::insert(&mut people, &new.username);
        let person = people.last_mut().unwrap();
        person.account.identity = Some((new.issuer.clone(), new.subject.clone()));
        new.changes.iter().for_each(|change| self.change(person, change));
        Applied::Done(id)
    }

    fn update(&self, update: &Update) -> Applied {
        let mut people = self.people();
        let is_last =
            |right| !self.is(Fault::TakesFromTheLast) && self.is_sole(&people, right, &update.before.id);
        let guarded = update.changes.iter().any(|change| match change {
            Change::Take { right, guarded: true } => is_last(right),
            _ => false,
        });
        let Some(person) = people.iter_mut().find(|person| person.account.id == update.before.id) else {
            return Applied::Conflict;
        };
        let same = person.account == update.before || self.is(Fault::UpdatesWhateverThereIs);
        if guarded || !same {
            return Applied::Conflict;
        }
        update.changes.iter().for_each(|change| self.change(person, change));
        Applied::Done(person.account.id.clone())
    }

    fn change(&self, person: &mut Person, change: &Change) {
        let account = &mut person.account;
        match change.clone() {
            Change::Link { issuer, subject } => account.identity = Some((issuer, subject)),
            Change::Claim => person.stamp += u64::from(!self.is(Fault::ClaimsKeepSessions)),
            Change::Email(email) => account.email = Some(email),
            Change::Attribute { field, value: Some(value) } => drop(account.attributes.insert(field, value)),
            Change::Attribute { field, value: None } => drop(account.attributes.remove(&field)),
            Change::Track { .. } if self.is(Fault::ForgetsTracking) => {}
            Change::Track { field, value: Some(value) } => drop(account.tracked.insert(field, value)),
            Change::Track { field, value: None } => drop(account.tracked.remove(&field)),
            Change::Give(_) if self.is(Fault::ForgetsRights) => {}
            Change::Give(right) => drop(account.rights.insert(right)),
            Change::Take { right, .. } => drop(account.rights.remove(&right)),
            other => panic!("{other:?} is new"),
        }
    }
}

impl UserSource for Memory {
    type User = Person;

    async fn get_user(&self, id: &UserId) -> Result<Option<Person>, BackendError> {
        Ok(self.people().iter().find(|person| person.account.id == *id).cloned())
    }
}

impl ProvisionStore for Memory {
    fn check(&self, policy: &Provisioning) -> Result<(), ConfigError> {
        let known = policy.attributes().all(|field| matches!(field, "phone" | "town"))
            && policy
                .managed()
                .all(|right| *right == Right::flag("is_staff") || matches!(right, Right::Permission(_)));
        if known || self.is(Fault::TakesEveryPolicy) { Ok(()) } else { Err(ConfigError::new("no place")) }
    }

    async fn load(&self, query: &Query<'_>) -> Result<Found, BackendError> {
        let (people, mut found) = (self.people().clone(), Found::default());
        let accounts = || people.iter().map(|person| &person.account);
        found.account =
            accounts().find(|account| self.belongs(account, query.issuer, query.subject)).cloned();
        if found.account.is_none() {
            let taken = accounts().any(|account| *account.username == *query.username);
            found.name = match taken {
                _ if query.username.is_empty() => NameState::Invalid,
                true => NameState::Taken,
                false => NameState::Free,
            };
            let has = |account: &&Account| {
                let address = account.email.as_ref().map(|email| email.address.as_str());
                query.email.is_some() && address == query.email && !self.is(Fault::FindsNobodyByAddress)
            };
            found.by_email = accounts().filter(has).cloned().collect();
        }
        let one = found.account.as_ref().or(found.by_email.first());
        if let Some(account) = one.filter(|_| !self.is(Fault::ToldLastNever)) {
            let held: BTreeSet<_> = query.guarded.intersection(&account.rights).cloned().collect();
            found.sole = held.into_iter().filter(|right| self.is_sole(&people, right, &account.id)).collect();
        }
        Ok(found)
    }

    async fn identity_of(&self, user: &UserId) -> Result<Option<(String, String)>, BackendError> {
        let is = |person: &&Person| person.account.id == *user || self.is(Fault::TakesAnybodysIdentity);
        let identity = self.people().iter().find(is).and_then(|person| person.account.identity.clone());
        Ok(identity.filter(|_| !self.is(Fault::ForgetsIdentities)))
    }

    async fn apply(&self, write: &Write) -> Result<Applied, BackendError> {
        tokio::task::yield_now().await;
        Ok(match write {
            Write::Create(new) if self.is(Fault::CreatesInTwoSteps) => {
                let empty = Write::Create({
                    let mut new = new.clone();
                    new.changes.clear();
                    new
                });
                let Write::Create(empty) = &empty else { return Ok(Applied::Conflict) };
                let applied = self.create(empty);
                tokio::task::yield_now().await;
                if let Applied::Done(id) = &applied {
                    let mut people = self.people();
                    let person = people.iter_mut().find(|person| person.account.id == *id).unwrap();
                    new.changes.iter().for_each(|change| self.change(person, change));
                }
                applied
            }
            Write::Create(new) => self.create(new),
            Write::Update(update) => self.update(update),
        })
    }
}

impl Site for Memory {
    async fn register(&self, username: &str, email: Email) -> Result<UserId, BackendError> {
        let mut people = self.people();
        let id = Self::insert(&mut people, username);
        people.last_mut().unwrap().account.email = Some(email);
        Ok(id)
    }

    async fn disable(&self, user: &UserId) -> Result<(), BackendError> {
        let mut people = self.people();
        people
            .iter_mut()
            .filter(|person| person.account.id == *user)
            .for_each(|person| person.account.active = false);
        Ok(())
    }
}
