//! The hash that every failed attempt owes.

use std::sync::{Mutex, PoisonError};

use super::{Passwords, Verdict};
use crate::{BackendError, Secret};

/// Keeps the account of one attempt: the first real comparison pays; if none happens, the chain pays at the
/// end. So an attempt that fails has cost one hash, whether or not, and wherever, its user is known.
#[derive(Default)]
pub(crate) struct HashDebt(Mutex<State>);

#[derive(Default)]
enum State {
    #[default]
    Nothing,
    Owed(Passwords, Secret),
    Paid,
}

impl HashDebt {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) async fn verify(
        &self,
        passwords: &Passwords,
        password: &Secret,
        stored: Option<&str>,
    ) -> Result<Verdict, BackendError> {
        if !Passwords::is_bearable(password) {
            return Ok(Verdict::Mismatch);
        }
        let Some(hash) = passwords.usable(password, stored) else {
            self.owe(passwords, password);
            return Ok(Verdict::Mismatch);
        };
        *self.lock() = State::Paid;
        passwords.compare(password, hash).await
    }

    pub(crate) async fn settle(&self) -> Result<(), BackendError> {
        let state = std::mem::replace(&mut *self.lock(), State::Paid);
        match state {
            State::Owed(passwords, password) => passwords.dummy(&password).await,
            State::Nothing | State::Paid => Ok(()),
        }
    }

    fn owe(&self, passwords: &Passwords, password: &Secret) {
        let mut state = self.lock();
        if matches!(*state, State::Nothing) {
            *state = State::Owed(passwords.clone(), password.clone());
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
