//! [`Factors`]: a site's second factors.

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

/// How many factors a user may have, unless set.
const MAX_PER_OWNER: usize = 20;
/// How long an app may stay unconfirmed.
const CONFIRMED_WITHIN: Duration = Duration::from_secs(60 * 60);
/// The name of a set of recovery codes.
const CODES_NAME: &str = "recovery codes";

/// The second factors of an application's users, over a [`FactorStore`]. [`factors`](crate::factors) has a complete
/// example.
///
/// It verifies codes, but does not decide who may change factors: require a recent proof before you change any.
/// [`Session::factors`](crate::Session::factors) does that for the calling user.
///
/// ```
/// # use auth_core::factors::{FactorOwner, Factors, MemoryFactors, Totp, Verdict};
/// # use auth_core::session::KeyRing;
/// # use auth_core::time::{Clock, SystemClock};
/// # use auth_core::{BackendName, Secret, UserId};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let keys = KeyRing::generate()?;
/// # let factors = Factors::new("Shop", MemoryFactors::new(10_000), &keys)?;
/// # let alice = FactorOwner { backend: BackendName::new("local").ok_or("not a name")?, user: UserId::from(1) };
/// factors.make_recovery_codes(&alice).await?;
/// assert_eq!(factors.list(&alice).await?[0].name.as_ref(), "recovery codes");
/// # Ok(())
/// # }
/// ```
pub struct Factors<S> {
    pub(super) store: S,
    pub(super) keys: PurposeKeys,
    pub(super) issuer: Box<str>,
    pub(super) max_per_owner: usize,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: Box<dyn Random>,
}

/// An unconfirmed app. Show its secret once.
///
/// ```
/// # use auth_core::factors::{FactorOwner, Factors, MemoryFactors, Totp, Verdict};
/// # use auth_core::session::KeyRing;
/// # use auth_core::time::{Clock, SystemClock};
/// # use auth_core::{BackendName, Secret, UserId};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let keys = KeyRing::generate()?;
/// # let factors = Factors::new("Shop", MemoryFactors::new(10_000), &keys)?;
/// # let alice = FactorOwner { backend: BackendName::new("local").ok_or("not a name")?, user: UserId::from(1) };
/// let enrolment = factors.enrol_totp(&alice, "alice@example.com", "my phone").await?;
/// let (qr_code, typed) = (enrolment.uri.expose(), enrolment.secret.expose());
/// assert!(qr_code.contains(typed));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct TotpEnrolment {
    /// The id of the factor, for [`confirm`](Factors::confirm).
    pub id: FactorId,
    /// The secret as text, for users who cannot scan.
    pub secret: Secret,
    /// The content of the QR code.
    pub uri: Secret,
}

/// The result of verifying a code: [`Factors::verify`] shows an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// It was right, and is used now.
    Right(Verified),
    /// It was wrong, or used before.
    Wrong,
    /// It was not compared, because too many were wrong. Wait for this long.
    RetryAfter(Duration),
    /// There is no such factor: no confirmed one, or, for [`confirm`](Factors::confirm), none that waits for it.
    NoFactor,
}

/// The factor by which a user authenticated.
///
/// ```
/// # use auth_core::factors::{FactorOwner, Factors, MemoryFactors, Totp, Verdict};
/// # use auth_core::session::KeyRing;
/// # use auth_core::time::{Clock, SystemClock};
/// # use auth_core::{BackendName, Secret, UserId};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let keys = KeyRing::generate()?;
/// # let factors = Factors::new("Shop", MemoryFactors::new(10_000), &keys)?;
/// # let alice = FactorOwner { backend: BackendName::new("local").ok_or("not a name")?, user: UserId::from(1) };
/// let codes = factors.make_recovery_codes(&alice).await?;
/// if let Verdict::Right(verified) = factors.verify(&alice, &codes.codes()[0]).await? {
///     println!("{} proves {:?}, and {:?} codes are left", verified.id, verified.proof, verified.codes_left);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verified {
    /// The id of the factor.
    pub id: FactorId,
    /// What it proves.
    pub proof: Proof,
    /// How many recovery codes are left of its set.
    pub codes_left: Option<usize>,
}

/// The result of comparing a code with the factors.
enum Compared {
    Right(Verified),
    /// Something was compared, so the try stays counted, whatever else failed.
    Wrong(Option<FactorError>),
    /// Nothing was compared.
    Fault(FactorError),
}

impl<S: FactorStore> Factors<S> {
    /// Keeps factors in this store. The issuer is the site's name, as authenticator apps show it. The secrets are
    /// sealed with the keys.
    ///
    /// ```
    /// use auth_core::factors::{Factors, MemoryFactors};
    /// use auth_core::session::KeyRing;
    ///
    /// let factors = Factors::new("Wonder Shop", MemoryFactors::new(10_000), &KeyRing::generate()?)?;
    /// assert!(Factors::new("a:b", MemoryFactors::new(1), &KeyRing::generate()?).is_err());
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] if the issuer is empty, longer than 64 bytes, or contains a `:` or control characters, which
    /// apps misinterpret.
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

    /// Sets how many factors a user may have: 20, unless set.
    ///
    /// ```
    /// # use auth_core::factors::{FactorOwner, Factors, MemoryFactors, Totp, Verdict};
    /// # use auth_core::session::KeyRing;
    /// # use auth_core::time::{Clock, SystemClock};
    /// # use auth_core::{BackendName, Secret, UserId};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let keys = KeyRing::generate()?;
    /// # let factors = Factors::new("Shop", MemoryFactors::new(10_000), &keys)?;
    /// # let alice = FactorOwner { backend: BackendName::new("local").ok_or("not a name")?, user: UserId::from(1) };
    /// let factors = factors.max_per_owner(5);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn max_per_owner(mut self, max: usize) -> Self {
        self.max_per_owner = max;
        self
    }

    /// Sets another clock, for tests.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Sets another source of random bytes, for tests.
    #[must_use]
    pub fn random(mut self, random: impl Random) -> Self {
        self.random = Box::new(random);
        self
    }

    /// The store.
    pub fn store(&self) -> &S {
        &self.store
    }

    /// Begins to enrol an app. It counts once it is [confirmed](Self::confirm), within an hour. The app shows the
    /// account beside the issuer: the user's name or address, for instance.
    ///
    /// ```
    /// # use auth_core::factors::{FactorOwner, Factors, MemoryFactors, Totp, Verdict};
    /// # use auth_core::session::KeyRing;
    /// # use auth_core::time::{Clock, SystemClock};
    /// # use auth_core::{BackendName, Secret, UserId};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let keys = KeyRing::generate()?;
    /// # let factors = Factors::new("Shop", MemoryFactors::new(10_000), &keys)?;
    /// # let alice = FactorOwner { backend: BackendName::new("local").ok_or("not a name")?, user: UserId::from(1) };
    /// let enrolment = factors.enrol_totp(&alice, "alice@example.com", "my phone").await?;
    /// assert!(enrolment.uri.expose().starts_with("otpauth://totp/Shop:alice%40example.com?secret="));
    /// # Ok(())
    /// # }
    /// ```
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
        // Unconfirmed ones would otherwise occupy places for ever.
        for factor in self.store.of_owner(owner).await? {
            if !factor.is_confirmed() && is_late(&factor, now) {
                self.store.remove(owner, factor.id).await?;
            }
        }
        let totp = Totp::draw(&*self.random)?;
        let id = self.add_totp(owner, name, &totp, None).await?;
        Ok(TotpEnrolment { id, secret: totp.base32(), uri: totp.uri(&self.issuer, account) })
    }

    /// Adds an app that its owner already uses, with the secret from another system: it is confirmed.
    ///
    /// ```
    /// # use auth_core::factors::{FactorOwner, Factors, MemoryFactors, Totp, Verdict};
    /// # use auth_core::session::KeyRing;
    /// # use auth_core::time::{Clock, SystemClock};
    /// # use auth_core::{BackendName, Secret, UserId};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let keys = KeyRing::generate()?;
    /// # let factors = Factors::new("Shop", MemoryFactors::new(10_000), &keys)?;
    /// # let alice = FactorOwner { backend: BackendName::new("local").ok_or("not a name")?, user: UserId::from(1) };
    /// let secret: Totp = "JBSWY3DPEHPK3PXP".parse()?;
    /// factors.import_totp(&alice, "my phone", &secret).await?;
    /// # Ok(())
    /// # }
    /// ```
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

    /// Confirms an app by a code that it shows. The code is thereby used, and cannot be used for a login as well.
    ///
    /// Wrong codes are not counted here: the user who enrols the app knows its secret, so there is nothing to guess.
    ///
    /// ```
    /// # use auth_core::factors::{FactorOwner, Factors, MemoryFactors, Totp, Verdict};
    /// # use auth_core::session::KeyRing;
    /// # use auth_core::time::{Clock, SystemClock};
    /// # use auth_core::{BackendName, Secret, UserId};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let keys = KeyRing::generate()?;
    /// # let factors = Factors::new("Shop", MemoryFactors::new(10_000), &keys)?;
    /// # let alice = FactorOwner { backend: BackendName::new("local").ok_or("not a name")?, user: UserId::from(1) };
    /// let enrolment = factors.enrol_totp(&alice, "alice@example.com", "my phone").await?;
    /// # let app: Totp = enrolment.secret.expose().parse()?;
    /// # let typed = app.code(SystemClock.now());
    /// assert!(matches!(factors.confirm(&alice, enrolment.id, &typed).await?, Verdict::Right(_)));
    /// # Ok(())
    /// # }
    /// ```
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
        // A concurrent confirmation used this very code, or an adjacent one.
        let is_first = self.store.confirm(owner, id, step, now).await?;
        Ok(if is_first { Verdict::Right(verified(&factor, now, None)) } else { Verdict::Wrong })
    }

    /// Verifies a code of any of the owner's factors: six digits of an app, or a recovery code.
    ///
    /// A text that cannot be a code is wrong and does not count. Any other code counts as wrong before it is
    /// compared, until it turns out to be right, or that it could not be compared.
    ///
    /// ```
    /// # use auth_core::factors::{FactorOwner, Factors, MemoryFactors, Totp, Verdict};
    /// # use auth_core::session::KeyRing;
    /// # use auth_core::time::{Clock, SystemClock};
    /// # use auth_core::{BackendName, Secret, UserId};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let keys = KeyRing::generate()?;
    /// # let factors = Factors::new("Shop", MemoryFactors::new(10_000), &keys)?;
    /// # let alice = FactorOwner { backend: BackendName::new("local").ok_or("not a name")?, user: UserId::from(1) };
    /// # factors.make_recovery_codes(&alice).await?;
    /// # let typed = Secret::new("123456");
    /// let shown = match factors.verify(&alice, &typed).await? {
    ///     Verdict::Right(_) => "welcome".to_owned(),
    ///     Verdict::RetryAfter(time) => format!("try again in {} s", time.as_secs()),
    ///     _ => "that code is wrong".to_owned(),
    /// };
    /// # Ok(())
    /// # }
    /// ```
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

    /// The answer stands whatever happens here: a try that is not settled counts as wrong, which is the safe side.
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
                // The step is already used, perhaps by a concurrent request with the same code.
                Ok(false) => {}
                // Whether the step is used is unknown. The code was right, so nothing was guessed.
                Err(error) => return Compared::Fault(error.into()),
            }
        }
        // If a try were given back because one of two factors cannot be opened, the other one could be guessed
        // without limit.
        match fault {
            Some(error) if !compared => Compared::Fault(error),
            fault => Compared::Wrong(fault),
        }
    }

    async fn compare_recovery(&self, factors: &[StoredFactor], code: &Code, now: Timestamp) -> Compared {
        for factor in factors.iter().filter(|factor| factor.kind == FactorKind::RecoveryCodes) {
            let hash = code.hash(factor.id);
            // Hashes of a typed code may be compared in variable time: nobody can steer them.
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

    /// With the newest key, so that old keys can be dropped some day. The code is accepted even if this fails.
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

    /// Creates ten recovery codes. The owner's previous codes stop working.
    ///
    /// ```
    /// # use auth_core::factors::{FactorOwner, Factors, MemoryFactors, Totp, Verdict};
    /// # use auth_core::session::KeyRing;
    /// # use auth_core::time::{Clock, SystemClock};
    /// # use auth_core::{BackendName, Secret, UserId};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let keys = KeyRing::generate()?;
    /// # let factors = Factors::new("Shop", MemoryFactors::new(10_000), &keys)?;
    /// # let alice = FactorOwner { backend: BackendName::new("local").ok_or("not a name")?, user: UserId::from(1) };
    /// let printed = factors.make_recovery_codes(&alice).await?;
    /// assert!(matches!(factors.verify(&alice, &printed.codes()[0]).await?, Verdict::Right(_)));
    /// # Ok(())
    /// # }
    /// ```
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

    /// The owner's factors, confirmed or not, oldest first.
    ///
    /// ```
    /// # use auth_core::factors::{FactorOwner, Factors, MemoryFactors, Totp, Verdict};
    /// # use auth_core::session::KeyRing;
    /// # use auth_core::time::{Clock, SystemClock};
    /// # use auth_core::{BackendName, Secret, UserId};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let keys = KeyRing::generate()?;
    /// # let factors = Factors::new("Shop", MemoryFactors::new(10_000), &keys)?;
    /// # let alice = FactorOwner { backend: BackendName::new("local").ok_or("not a name")?, user: UserId::from(1) };
    /// factors.make_recovery_codes(&alice).await?;
    /// assert_eq!(factors.list(&alice).await?.len(), 1);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`make_recovery_codes`](Self::make_recovery_codes).
    pub async fn list(&self, owner: &FactorOwner) -> Result<Vec<StoredFactor>, FactorError> {
        let mut all = self.store.of_owner(owner).await?;
        all.retain(|factor| factor.kind != FactorKind::TrustedBrowser);
        Ok(all)
    }

    /// Renames a factor; returns whether the owner has one with this id.
    ///
    /// ```
    /// # use auth_core::factors::{FactorOwner, Factors, MemoryFactors, Totp, Verdict};
    /// # use auth_core::session::KeyRing;
    /// # use auth_core::time::{Clock, SystemClock};
    /// # use auth_core::{BackendName, Secret, UserId};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let keys = KeyRing::generate()?;
    /// # let factors = Factors::new("Shop", MemoryFactors::new(10_000), &keys)?;
    /// # let alice = FactorOwner { backend: BackendName::new("local").ok_or("not a name")?, user: UserId::from(1) };
    /// let enrolment = factors.enrol_totp(&alice, "alice@example.com", "phone").await?;
    /// assert!(factors.rename(&alice, enrolment.id, "my old phone").await?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`FactorError`] of kind [`InvalidName`](FactorErrorKind::InvalidName) or [`Unavailable`](FactorErrorKind::Unavailable).
    pub async fn rename(&self, owner: &FactorOwner, id: FactorId, name: &str) -> Result<bool, FactorError> {
        Ok(self.store.rename(owner, id, &record::name(name)?).await?)
    }

    /// Removes a factor; returns whether the owner had one with this id.
    ///
    /// ```
    /// # use auth_core::factors::{FactorOwner, Factors, MemoryFactors, Totp, Verdict};
    /// # use auth_core::session::KeyRing;
    /// # use auth_core::time::{Clock, SystemClock};
    /// # use auth_core::{BackendName, Secret, UserId};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let keys = KeyRing::generate()?;
    /// # let factors = Factors::new("Shop", MemoryFactors::new(10_000), &keys)?;
    /// # let alice = FactorOwner { backend: BackendName::new("local").ok_or("not a name")?, user: UserId::from(1) };
    /// let enrolment = factors.enrol_totp(&alice, "alice@example.com", "phone").await?;
    /// assert!(factors.remove(&alice, enrolment.id).await?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`make_recovery_codes`](Self::make_recovery_codes).
    pub async fn remove(&self, owner: &FactorOwner, id: FactorId) -> Result<bool, FactorError> {
        Ok(self.store.remove(owner, id).await?)
    }

    /// Removes all factors of an owner and their counter, and returns how many factors there were: for an
    /// administrator, and when a user is deleted.
    ///
    /// ```
    /// # use auth_core::factors::{FactorOwner, Factors, MemoryFactors, Totp, Verdict};
    /// # use auth_core::session::KeyRing;
    /// # use auth_core::time::{Clock, SystemClock};
    /// # use auth_core::{BackendName, Secret, UserId};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let keys = KeyRing::generate()?;
    /// # let factors = Factors::new("Shop", MemoryFactors::new(10_000), &keys)?;
    /// # let alice = FactorOwner { backend: BackendName::new("local").ok_or("not a name")?, user: UserId::from(1) };
    /// factors.make_recovery_codes(&alice).await?;
    /// assert_eq!(factors.remove_all(&alice).await?, 1);
    /// # Ok(())
    /// # }
    /// ```
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

/// Whether users prove it by typing a code.
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
