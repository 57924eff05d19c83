//! A backend that somebody else might write: readers at doors send the number of a badge and a PIN.
//!
//! Core knows nothing of badges. [`Badge`] says what is presented, [`Badges`] judges it, and from then on the chain
//! treats them as it treats passwords: bounds, timeouts, events, one answer for every refusal. The suite in
//! `tests/conformance.rs` shows that the backend keeps its side of the contract.

mod api_key;

use std::collections::BTreeMap;
use std::sync::Arc;

use auth_core::backend::{Accepted, Attempt, Backend, BackendError, DeclineReason, Outcome, UserSource};
use auth_core::grant::Factor;
use auth_core::password::{PasswordHash, Verdict};
use auth_core::{Credentials, Passwords, Secret, User, UserId};

pub use api_key::ApiKeyHeader;

/// What a reader sends.
#[derive(Clone, Debug)]
pub struct Badge {
    /// The number that the badge carries: digits.
    pub number: String,
    /// What was typed: digits too.
    pub pin: Secret,
}

impl Credentials for Badge {
    const KIND: &'static str = "badge";
    const FACTOR: Factor = Factor::Password;

    fn subject(&self) -> Option<&str> {
        Some(&self.number)
    }

    fn secret(&self) -> Option<&Secret> {
        Some(&self.pin)
    }

    fn check(&self) -> Result<(), DeclineReason> {
        let digits = |text: &str, most| {
            (4..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
        };
        let readable = digits(&self.number, 10) && digits(self.pin.expose(), 12);
        if readable { Ok(()) } else { Err(DeclineReason::Malformed) }
    }
}

/// An employee.
#[derive(Clone, Debug)]
pub struct Employee {
    /// The number on the badge.
    pub id: UserId,
    /// The name, to greet by.
    pub name: String,
    /// The PIN's hash.
    pub pin: PasswordHash,
    /// Whether the badge may be used.
    pub active: bool,
}

impl User for Employee {
    fn id(&self) -> UserId {
        self.id.clone()
    }

    fn security_stamp(&self) -> &[u8] {
        self.pin.as_str().as_bytes() // A new PIN ends all sessions.
    }

    fn is_active(&self) -> bool {
        self.active
    }
}

/// The badges that were handed out.
#[derive(Clone, Debug)]
pub struct Badges {
    passwords: Passwords,
    employees: Arc<BTreeMap<String, Employee>>,
}

impl Badges {
    /// These employees' badges. `passwords` made their hashes.
    pub fn new(passwords: Passwords, employees: impl IntoIterator<Item = Employee>) -> Self {
        let employees = employees.into_iter().map(|employee| (employee.id.to_string(), employee)).collect();
        Self { passwords, employees: Arc::new(employees) }
    }
}

impl UserSource for Badges {
    type User = Employee;

    async fn get_user(&self, id: &UserId) -> Result<Option<Employee>, BackendError> {
        Ok(self.employees.get(id.as_str()).cloned())
    }
}

impl Backend<Badge> for Badges {
    fn passwords(&self) -> Option<&Passwords> {
        Some(&self.passwords)
    }

    async fn authenticate(
        &self,
        attempt: &Attempt<'_, Badge>,
    ) -> Result<Outcome<Accepted<Employee>>, BackendError> {
        let badge = attempt.credentials();
        let employee = self.employees.get(&badge.number);
        if let Some(employee) = employee {
            // Before the PIN is compared: whoever guesses has few tries, by whatever badge.
            attempt.account(employee.id().as_str()).await?;
        }
        // Also without such an employee: the chain makes sure that the time it takes tells nothing.
        let hash = employee.map(|known| known.pin.as_str());
        let verdict = attempt.verify_secret(&self.passwords, &badge.pin, hash).await?;
        Ok(match (employee, verdict) {
            (Some(employee), Verdict::Match { .. }) => Outcome::accept(employee.clone()),
            (Some(_), Verdict::Mismatch) => Outcome::Decline(DeclineReason::WrongSecret),
            (None, _) => Outcome::Decline(DeclineReason::UnknownUser),
        })
    }
}
