//! The hashes that every failed attempt owes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Done, Passwords, Verdict};
use crate::Secret;
use crate::backend::BackendError;

/// Tracks the hash work of one attempt: what each backend of the chain owes, whether it was asked or not. A
/// comparison pays for its backend; the chain pays the rest at the end. So the cost of a failed attempt depends only
/// on the chain: not on whether its user is known, to which or how many backends, or why it ended.
pub(crate) struct HashDebt {
    state: Mutex<State>,
    /// How many hashes are being waited for.
    awaited: AtomicUsize,
}

struct State {
    /// The secret to hash, once it is known.
    secret: Option<Secret>,
    /// The position of the backend whose turn it is.
    turn: usize,
    slots: Vec<Slot>,
}

/// What one backend owes to its passwords.
struct Slot {
    backend: usize,
    passwords: Passwords,
    /// Whether it verified something, or had nothing to verify with.
    is_asked: bool,
    owed: Option<Owed>,
}

/// What has yet to be computed.
#[derive(Clone, Copy)]
pub(super) enum Owed {
    /// One hash of each algorithm.
    All,
    /// All except this: the hash matched, and the chain has not accepted its user yet.
    AllBut(Done),
}

/// How an attempt ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The backend whose turn it is accepted.
    Accepted,
    /// A "no" that must not reveal whose it is.
    Refused,
    /// Nothing was decided. The answer shows that, and so may its time.
    Outage,
}

impl End {
    fn is_owed_by(self, slot: &Slot, turn: usize) -> bool {
        match self {
            // A user who signed in may know which hash that took, but not whether earlier tables contain the same
            // name.
            Self::Accepted => slot.backend < turn,
            Self::Refused => true,
            Self::Outage => slot.is_asked,
        }
    }
}

/// While it lives, a hash is being waited for.
struct Awaited<'a>(&'a AtomicUsize);

impl<'a> Awaited<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Awaited<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl HashDebt {
    /// The debt of an attempt to backends that verify with these, by their positions in the chain.
    pub(crate) fn new(secret: Option<&Secret>, owing: impl IntoIterator<Item = (usize, Passwords)>) -> Self {
        let slot = |(backend, passwords)| Slot { backend, passwords, is_asked: false, owed: Some(Owed::All) };
        let slots = owing.into_iter().map(slot).collect();
        let state = State { secret: secret.cloned(), turn: 0, slots };
        Self { state: Mutex::new(state), awaited: AtomicUsize::new(0) }
    }

    /// Begins this backend's turn.
    pub(crate) fn turn(&self, backend: usize) {
        self.lock().turn = backend;
    }

    /// The passwords that the current backend verifies with, as far as observed.
    pub(crate) fn shown(&self) -> Option<Passwords> {
        let state = self.lock();
        let is_shown = |slot: &&Slot| slot.backend == state.turn && slot.is_asked;
        state.slots.iter().find(is_shown).map(|slot| slot.passwords.clone())
    }

    /// Whether the attempt waits for a hash, in a build where that may take seconds.
    pub(crate) fn is_slow(&self) -> bool {
        cfg!(debug_assertions) && self.awaited.load(Ordering::Relaxed) > 0
    }

    pub(crate) async fn verify(
        &self,
        passwords: &Passwords,
        secret: &Secret,
        stored: Option<&str>,
    ) -> Result<Verdict, BackendError> {
        let hash = Passwords::is_bearable(secret).then(|| passwords.usable(secret, stored)).flatten();
        let Some(hash) = hash else {
            self.slot(passwords, secret, |_| ());
            return Ok(Verdict::Mismatch);
        };
        let done = Passwords::done(&hash, secret);
        // Before it is awaited: a hash that has begun is computed to its end, even if its client goes away.
        let is_first = self.slot(passwords, secret, |slot| slot.owed.take().is_some());
        let _awaited = Awaited::new(&self.awaited);
        let verdict = passwords.compare(secret, hash, is_first).await;
        match verdict {
            Ok(Verdict::Match { .. }) if is_first => {
                self.slot(passwords, secret, |slot| slot.owed = Some(Owed::AllBut(done)));
            }
            Ok(_) => {}
            Err(_) => self.give_up(passwords),
        }
        verdict
    }

    /// Whether an attempt with this end owes anything.
    pub(crate) fn is_owed(&self, end: End) -> bool {
        let state = self.lock();
        state.slots.iter().any(|slot| slot.owed.is_some() && end.is_owed_by(slot, state.turn))
    }

    /// Computes what is owed, in the order of the chain.
    pub(crate) async fn settle(&self, end: End) -> Result<(), BackendError> {
        let _awaited = Awaited::new(&self.awaited);
        let mut settled = Ok(());
        while let Some((passwords, secret, owed)) = self.next(end) {
            if let Err(error) = passwords.pay(&secret, owed).await {
                self.give_up(&passwords);
                settled = Err(error);
            }
        }
        settled
    }

    fn next(&self, end: End) -> Option<(Passwords, Secret, Owed)> {
        let mut state = self.lock();
        let turn = state.turn;
        let secret = state.secret.clone().unwrap_or_else(|| Secret::new(super::SAMPLE));
        let mut owing = state.slots.iter_mut().filter(|slot| end.is_owed_by(slot, turn));
        let (passwords, owed) = owing.find_map(|slot| Some((slot.passwords.clone(), slot.owed.take()?)))?;
        Passwords::is_bearable(&secret).then_some((passwords, secret, owed))
    }

    /// The same attempt does not use an overloaded pool again, for any backend.
    fn give_up(&self, passwords: &Passwords) {
        let mut state = self.lock();
        let same = state.slots.iter_mut().filter(|slot| slot.passwords.is_same(passwords));
        same.for_each(|slot| slot.owed = None);
    }

    /// What the current backend owes to these passwords.
    fn slot<T>(&self, passwords: &Passwords, secret: &Secret, change: impl FnOnce(&mut Slot) -> T) -> T {
        let mut state = self.lock();
        let State { secret: known, turn, slots } = &mut *state;
        known.get_or_insert_with(|| secret.clone());
        let is_it = |slot: &Slot| slot.backend == *turn && slot.passwords.is_same(passwords);
        let at = slots.iter().position(is_it).unwrap_or_else(|| {
            let (backend, passwords) = (*turn, passwords.clone());
            slots.push(Slot { backend, passwords, is_asked: true, owed: Some(Owed::All) });
            slots.len() - 1
        });
        slots[at].is_asked = true;
        change(&mut slots[at])
    }

    // No foreign code runs under the lock, and each step leaves the state consistent.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
