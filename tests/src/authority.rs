//! An outside system that confirms the users of sessions, or does not.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use auth_core::UserId;
use auth_core::backend::{BackendError, ConfirmUser, Confirmation, DeclineReason, Outcome, UserSource};
use auth_core::provisioning::Reports;

use crate::accounts::Account;
use crate::faults::{DriverError, Switch};
use crate::pages::Gate;
use crate::world::Setup;

/// What it says, and how often it was asked.
#[derive(Clone, Debug, Default)]
pub struct Authority(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    says: Mutex<Outcome<()>>,
    mode: Switch,
    asked: AtomicU64,
    is_held: AtomicBool,
    gate: Gate,
}

impl Default for Inner {
    fn default() -> Self {
        Self {
            says: Mutex::new(Outcome::Accept(())),
            mode: Switch::default(),
            asked: AtomicU64::default(),
            is_held: AtomicBool::default(),
            gate: Gate::default(),
        }
    }
}

impl Authority {
    /// A site whose backend is confirmed by this one.
    pub fn setup(&self, confirmation: Confirmation) -> Setup {
        let authority = self.clone();
        Setup::default().configure(move |auth| {
            auth.login_page("/login").confirm("local", authority.clone(), confirmation)
        })
    }

    /// Changes what it says of everybody.
    pub fn says(&self, outcome: Outcome<()>) {
        *self.0.says.lock().unwrap_or_else(PoisonError::into_inner) = outcome;
    }

    /// Says that nobody knows anybody.
    pub fn knows_nobody(&self) {
        self.says(Outcome::Decline(DeclineReason::UnknownUser));
    }

    /// How it answers.
    pub fn mode(&self) -> &Switch {
        &self.0.mode
    }

    /// How often it was asked since the last call.
    pub fn asked(&self) -> u64 {
        self.0.asked.swap(0, Ordering::SeqCst)
    }

    /// Lets each question wait at the gate, or no longer.
    pub fn hold(&self, is_held: bool) {
        self.0.is_held.store(is_held, Ordering::SeqCst);
    }

    /// Where questions wait while they are held.
    pub fn gate(&self) -> &Gate {
        &self.0.gate
    }
}

impl UserSource for Authority {
    type User = Account;

    async fn get_user(&self, _: &UserId) -> Result<Option<Account>, BackendError> {
        Ok(None)
    }
}

impl ConfirmUser for Authority {
    async fn confirm_user(&self, _: &UserId, _: &Reports) -> Result<Outcome<()>, BackendError> {
        self.0.asked.fetch_add(1, Ordering::SeqCst);
        let says = self.0.says.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if self.0.is_held.load(Ordering::SeqCst) {
            self.0.gate.pass().await;
        }
        if self.0.mode.obey().await {
            Ok(says)
        } else {
            Err(BackendError::unavailable(DriverError("the authority is down")))
        }
    }
}
