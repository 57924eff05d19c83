//! [`Factors`]: what a site does with second factors.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::recovery::Code;
use super::seal::{self, PURPOSE};
use super::{
    CreatedRecoveryCodes, FactorError, FactorErrorKind, FactorId, FactorKind, FactorOwner, FactorStore,
    Reservation, StoredFactor, Totp, Try, TryEnd, record, totp,
};
use crate::grant::{Factor, Proof};
use crate::random::{OsRandom, Random};
use crate::session::{KeyRing, PurposeKeys};
use crate::time::{Clock, SystemClock, Timestamp};
use crate::unheard::log_warning;
use crate::{ConfigError, Secret};

/// How many factors a user may have, unless something else is said.
const MAX_PER_OWNER: usize = 20;
/// How long an app may take to be confirmed.
const CONFIRMED_WITHIN: Duration = Duration::from_secs(60 * 60);
/// What a set of recovery codes is called.
const CODES_NAME: &str = "recovery codes";

/// The second factors of an application's users, over a [`FactorStore`]. See [`factors`](crate::factors).
///
/// It decides whether a code is right, and not who may change what: before factors are changed, ask for a recent proof.
pub struct Factors<S> {
    pub(super) store: S,
    pub(super) keys: PurposeKeys,
    pub(super) issuer: Box<str>,
    pub(super) max_per_owner: usize,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: Box<dyn Random>,
}

/// An app that is to be confirmed. Show its secret once.
#[derive(Debug)]
pub struct TotpEnrolment {
    /// The factor's id, for [`confirm`](Factors::confirm).
    pub id: FactorId,
    /// For whoever cannot scan: the secret as text.
    pub secret: Secret,
    /// What a QR code says.
    pub uri: Secret,
}

/// What became of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// It was right, and is used.
    Right(Verified),
    /// It was wrong, or used before.
    Wrong,
    /// It was not compared: too many were wrong. Not before this time is over.
    RetryAfter(Duration),
    /// There is no such factor: none that is confirmed, or, where one was to be, none that waits for it.
    NoFactor,
}

/// By what somebody proved to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verified {
    /// Which factor it was.
    pub id: FactorId,
    /// What the proof is.
    pub proof: Proof,
    /// How many recovery codes are left of the set that it was of.
    pub codes_left: Option<usize>,
}

/// What comparing a code with the factors showed.
enum Compared {
    Right(Verified),
    /// Something was compared, so the try stays counted, whatever else failed.
    Wrong(Option<FactorError>),
    /// Nothing was.
    Fault(FactorError),
}

impl<S: FactorStore> Factors<S> {
    /// Factors in this store. The issuer is the site's name, as authenticator apps show it; secrets are sealed under the keys.
    ///
    /// # Errors
    /// [`ConfigError`] if the issuer is empty, longer than 64 bytes, or has a `:` or control characters, which apps take for
    /// something else.
    pub fn new(issuer: &str, store: S, keys: &KeyRing) -> Result<Self, ConfigError> {
        let is_bad = |char: char| char == ':' || char.is_control();
        if !(1..=64).contains(&issuer.len()) || issuer.trim().is_empty() || issuer.chars().any(is_bad) {
            return Err(ConfigError::new(
                "the issuer of authenticator apps has 1 to 64 bytes, no ':' and no control characters",
            ));
        }
        Ok(Self {
            store,
            keys: keys.keys_for(&PURPOSE),
            issuer: issuer.into(),
            max_per_owner: MAX_PER_OWNER,
            clock: Arc::new(SystemClock),
            random: Box::new(OsRandom),
        })
    }

    /// How many factors a user may have; 20, unless something else is said.
    #[must_use]
    pub fn max_per_owner(mut self, max: usize) -> Self {
        self.max_per_owner = max;
        self
    }

    /// Another clock, for tests.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Another source of random bytes, for tests.
    #[must_use]
    pub fn random(mut self, random: impl Random) -> Self {
        self.random = Box::new(random);
        self
    }

    /// The store.
    pub fn store(&self) -> &S {
        &self.store
    }

    /// Begins to enrol an app: it counts when it is [confirmed](Self::confirm), within an hour. The account is what the app shows
    /// beside the issuer, such as the user's name or address.
    ///
    /// # Errors
    /// [`FactorError`] of kind [`InvalidName`](FactorErrorKind::InvalidName), [`TooMany`](FactorErrorKind::TooMany) or
    /// [`Unavailable`](FactorErrorKind::Unavailable).
    pub async fn enrol_totp(
        &self,
        owner: &FactorOwner,
        account: &str,
        name: &str,
    ) -> Result<TotpEnrolment, FactorError> {
        let now = self.clock.now();
        // Those that nobody confirmed would otherwise fill up the places for ever.
        for factor in self.store.of_owner(owner).await? {
            if !factor.is_confirmed() && is_late(&factor, now) {
                self.store.remove(owner, factor.id).await?;
            }
        }
        let totp = Totp::draw(&*self.random)?;
        let id = self.add_totp(owner, name, &totp, None).await?;
        Ok(TotpEnrolment { id, secret: totp.base32(), uri: totp.uri(&self.issuer, account) })
    }

    /// Adds an app that its owner has already, as another system kept it: it is confirmed.
    ///
    /// # Errors
    /// As [`enrol_totp`](Self::enrol_totp).
    pub async fn import_totp(
        &self,
        owner: &FactorOwner,
        name: &str,
        totp: &Totp,
    ) -> Result<FactorId, FactorError> {
        self.add_totp(owner, name, totp, Some(self.clock.now())).await
    }

    async fn add_totp(
        &self,
        owner: &FactorOwner,
        name: &str,
        totp: &Totp,
        confirmed: Option<Timestamp>,
    ) -> Result<FactorId, FactorError> {
        let id = FactorId::draw(&*self.random)?;
        let factor = StoredFactor {
            id,
            owner: owner.clone(),
            kind: FactorKind::Totp,
            name: record::name(name)?,
            created: self.clock.now(),
            confirmed,
            last_used: None,
            last_step: None,
            secret: seal::seal(totp.bytes(), owner, id, &self.keys, &*self.random)?,
            codes: Vec::new(),
            lookup: None,
        };
        let is_added = self.add_one(&factor).await?;
        is_added.then_some(id).ok_or_else(|| FactorErrorKind::TooMany.into())
    }

    /// Confirms an app by a code that it shows, which is thereby used: it is not good for a login as well.
    ///
    /// Wrong codes are not counted here: the secret is known to whoever enrols it, and there is nothing to guess.
    ///
    /// # Errors
    /// [`FactorError`] of kind [`Unavailable`](FactorErrorKind::Unavailable) or [`Unreadable`](FactorErrorKind::Unreadable).
    pub async fn confirm(
        &self,
        owner: &FactorOwner,
        id: FactorId,
        code: &Secret,
    ) -> Result<Verdict, FactorError> {
        let now = self.clock.now();
        let is_it = |factor: &StoredFactor| {
            factor.id == id && !factor.is_confirmed() && factor.kind == FactorKind::Totp
        };
        let factors = self.store.of_owner(owner).await?;
        let Some(factor) = factors.into_iter().find(is_it).filter(|factor| !is_late(factor, now)) else {
            return Ok(Verdict::NoFactor);
        };
        let (totp, _) = self.open(&factor)?;
        let Some(step) = totp.matches(code.expose(), now) else { return Ok(Verdict::Wrong) };
        // Another that confirmed it meanwhile used this very code, or one beside it.
        let is_first = self.store.confirm(owner, id, step, now).await?;
        Ok(if is_first { Verdict::Right(verified(&factor, now, None)) } else { Verdict::Wrong })
    }

    /// Judges a code of any of the owner's factors, whichever that is: six digits of an app, or a recovery code.
    ///
    /// What cannot be a code is wrong and counts for nothing. Any other is counted as wrong before it is compared, until it turns
    /// out to be right, or that it could not be compared.
    ///
    /// # Errors
    /// [`FactorError`] of kind [`Unavailable`](FactorErrorKind::Unavailable) or [`Unreadable`](FactorErrorKind::Unreadable):
    /// neither means that the code was wrong.
    pub async fn verify(&self, owner: &FactorOwner, code: &Secret) -> Result<Verdict, FactorError> {
        let now = self.clock.now();
        let mut factors = self.store.of_owner(owner).await?;
        factors.retain(|factor| factor.is_confirmed() && is_by_code(factor.kind));
        if factors.is_empty() {
            return Ok(Verdict::NoFactor);
        }
        let recovery = Code::parse(code.expose());
        if recovery.is_none() && totp::digits(code.expose()).is_none() {
            return Ok(Verdict::Wrong);
        }
        let tried = match self.store.reserve_try(owner, now).await? {
            Reservation::Allowed(tried) => tried,
            Reservation::RetryAfter(delay) => return Ok(Verdict::RetryAfter(delay)),
        };
        let compared = match recovery {
            Some(code) => self.compare_recovery(&factors, &code, now).await,
            None => self.compare_totp(&factors, code, now).await,
        };
        match compared {
            Compared::Right(verified) => {
                self.settle(owner, tried, TryEnd::Right).await;
                Ok(Verdict::Right(verified))
            }
            Compared::Wrong(error) => {
                self.settle(owner, tried, TryEnd::Wrong).await;
                error.map_or(Ok(Verdict::Wrong), Err)
            }
            Compared::Fault(error) => {
                self.settle(owner, tried, TryEnd::Fault).await;
                Err(error)
            }
        }
    }

    /// The answer stands whatever becomes of this: a try that is not settled was wrong, which is the safe side.
    async fn settle(&self, owner: &FactorOwner, tried: Try, end: TryEnd) {
        if let Err(error) = self.store.settle_try(owner, tried, end).await {
            log_warning(&format_args!("a try of a second factor stays counted: {error}"));
        }
    }

    async fn compare_totp(&self, factors: &[StoredFactor], code: &Secret, now: Timestamp) -> Compared {
        let (mut compared, mut fault) = (false, None);
        for factor in factors.iter().filter(|factor| factor.kind == FactorKind::Totp) {
            let (totp, is_current) = match self.open(factor) {
                Ok(opened) => opened,
                Err(error) => {
                    fault = Some(error);
                    continue;
                }
            };
            compared = true;
            let Some(step) = totp.matches(code.expose(), now) else { continue };
            match self.store.use_step(&factor.owner, factor.id, step, now).await {
                Ok(true) => {
                    if !is_current {
                        self.seal_again(factor, &totp).await;
                    }
                    return Compared::Right(verified(factor, now, None));
                }
                // It is of a step that is used up: also by whoever sent it at the same time.
                Ok(false) => {}
                // Whether the step is used is not known; that the code was right is, so nothing was guessed.
                Err(error) => return Compared::Fault(error.into()),
            }
        }
        // Were a try given back because one of two factors cannot be opened, the other could be guessed without end.
        match fault {
            Some(error) if !compared => Compared::Fault(error),
            fault => Compared::Wrong(fault),
        }
    }

    async fn compare_recovery(&self, factors: &[StoredFactor], code: &Code, now: Timestamp) -> Compared {
        for factor in factors.iter().filter(|factor| factor.kind == FactorKind::RecoveryCodes) {
            let hash = code.hash(factor.id);
            // Hashes of what somebody typed may be compared as they are: nobody can steer them.
            if !factor.codes.contains(&hash) {
                continue;
            }
            return match self.store.use_recovery_code(&factor.owner, factor.id, &hash, now).await {
                Ok(true) => Compared::Right(verified(factor, now, Some(factor.codes.len() - 1))),
                Ok(false) => Compared::Wrong(None),
                Err(error) => Compared::Fault(error.into()),
            };
        }
        Compared::Wrong(None)
    }

    /// Under the newest key, so that old ones can be dropped some day. The code is accepted whatever becomes of it.
    async fn seal_again(&self, factor: &StoredFactor, totp: &Totp) {
        let (owner, id) = (&factor.owner, factor.id);
        let Ok(sealed) = seal::seal(totp.bytes(), owner, id, &self.keys, &*self.random) else { return };
        if let Err(error) = self.store.replace_secret(owner, id, &factor.secret, &sealed).await {
            log_warning(&format_args!("a second factor is still sealed under an old key: {error}"));
        }
    }

    fn open(&self, factor: &StoredFactor) -> Result<(Totp, bool), FactorError> {
        let opened = seal::open(&factor.secret, &factor.owner, factor.id, &self.keys);
        let opened = opened.and_then(|(secret, is_current)| Some((Totp::from_bytes(&secret)?, is_current)));
        opened.ok_or_else(|| {
            log_warning(&format_args!(
                "the second factor {} cannot be opened with the keys of this site",
                factor.id
            ));
            FactorErrorKind::Unreadable.into()
        })
    }

    /// Makes ten recovery codes. Those that the owner has are dead from then on.
    ///
    /// # Errors
    /// [`FactorError`] of kind [`Unavailable`](FactorErrorKind::Unavailable).
    pub async fn make_recovery_codes(
        &self,
        owner: &FactorOwner,
    ) -> Result<CreatedRecoveryCodes, FactorError> {
        let (now, id) = (self.clock.now(), FactorId::draw(&*self.random)?);
        let (created, codes) = CreatedRecoveryCodes::draw(id, &*self.random)?;
        let factor = StoredFactor {
            id,
            owner: owner.clone(),
            kind: FactorKind::RecoveryCodes,
            name: CODES_NAME.into(),
            created: now,
            confirmed: Some(now),
            last_used: None,
            last_step: None,
            secret: Box::default(),
            codes,
            lookup: None,
        };
        self.store.replace_codes(&factor).await?;
        Ok(created)
    }

    /// The owner's factors, confirmed or not, those first that were made first.
    ///
    /// # Errors
    /// As [`make_recovery_codes`](Self::make_recovery_codes).
    pub async fn list(&self, owner: &FactorOwner) -> Result<Vec<StoredFactor>, FactorError> {
        let mut all = self.store.of_owner(owner).await?;
        all.retain(|factor| factor.kind != FactorKind::TrustedBrowser);
        Ok(all)
    }

    /// Gives a factor another name; says whether the owner has one with this id.
    ///
    /// # Errors
    /// [`FactorError`] of kind [`InvalidName`](FactorErrorKind::InvalidName) or [`Unavailable`](FactorErrorKind::Unavailable).
    pub async fn rename(&self, owner: &FactorOwner, id: FactorId, name: &str) -> Result<bool, FactorError> {
        Ok(self.store.rename(owner, id, &record::name(name)?).await?)
    }

    /// Removes a factor; says whether the owner had one with this id.
    ///
    /// # Errors
    /// As [`make_recovery_codes`](Self::make_recovery_codes).
    pub async fn remove(&self, owner: &FactorOwner, id: FactorId) -> Result<bool, FactorError> {
        Ok(self.store.remove(owner, id).await?)
    }

    /// Removes all factors of an owner and what was counted for them, and says how many factors that were: for an administrator, and
    /// when a user is deleted.
    ///
    /// # Errors
    /// As [`make_recovery_codes`](Self::make_recovery_codes).
    pub async fn remove_all(&self, owner: &FactorOwner) -> Result<u64, FactorError> {
        Ok(self.store.remove_all(owner).await?)
    }
}

impl<S> fmt::Debug for Factors<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Factors").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

/// Whether its proofs are codes that somebody types.
fn is_by_code(kind: FactorKind) -> bool {
    matches!(kind, FactorKind::Totp | FactorKind::RecoveryCodes)
}

/// Whether it is too late to confirm it.
fn is_late(factor: &StoredFactor, now: Timestamp) -> bool {
    now.since(factor.created) >= CONFIRMED_WITHIN
}

fn verified(factor: &StoredFactor, now: Timestamp, codes_left: Option<usize>) -> Verified {
    let proof = if factor.kind == FactorKind::Totp { Factor::Totp } else { Factor::RecoveryCode };
    Verified { id: factor.id, proof: Proof::new(proof, now), codes_left }
}
