//! HTTP authentication schemes: credentials that come with every request.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Challenge;
use crate::event::EventKind;
use crate::session::{Failure, KeyRing, Session, StampCheck, StampMac};
use crate::{Access, BackendName, Credentials, How, OsRandom, Random, Timestamp, User, UserId};

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// An HTTP authentication scheme (RFC 9110 §11): reads credentials of one kind from a request.
pub trait Scheme: Send + Sync + 'static {
    /// What it reads.
    type Credentials: Credentials;

    /// Its name, as `Basic`.
    fn name(&self) -> &'static str;

    /// Reads the value of the request's only `Authorization` header.
    fn read(&self, authorization: &[u8]) -> Read<Self::Credentials>;

    /// What a 401 offers.
    fn challenge(&self) -> &Challenge;

    /// For how long credentials that a backend accepted are remembered, so that a client that sends them with
    /// every request does not cost a password hash each time. Zero for never.
    ///
    /// Only a keyed hash of them is kept. The user is still loaded on every request: one who is disabled, or
    /// whose security stamp changed, is refused at once.
    fn remember(&self) -> Duration;

    /// Feeds every part of the credentials, secrets too, to the hash under which they are remembered.
    fn fingerprint(&self, credentials: &Self::Credentials, into: &mut Fingerprint);
}

/// What a scheme found.
#[derive(Debug)]
pub enum Read<C> {
    /// The header is of another scheme.
    NotMine,
    /// Credentials.
    Present(C),
    /// The header is of this scheme and breaks its grammar or bounds: 401, and never anonymous.
    Malformed,
}

/// A keyed hash of credentials. Each part is hashed with its length in front.
pub struct Fingerprint(blake3::Hasher);

impl Fingerprint {
    /// Adds a part.
    pub fn part(&mut self, part: &[u8]) {
        self.0.update(&(part.len() as u64).to_le_bytes());
        self.0.update(part);
    }
}

/// The dyn twin of [`Scheme`].
pub(crate) trait DynScheme<U>: Send + Sync {
    fn name(&self) -> &'static str;
    fn challenge(&self) -> &Challenge;
    fn read(self: Arc<Self>, authorization: &[u8]) -> Read<Box<dyn Offered<U>>>;
}

/// Credentials that a scheme read, waiting to be judged.
pub(crate) trait Offered<U>: Send + Sync {
    fn authenticate<'a>(&'a self, session: &'a Session<U>) -> BoxFuture<'a, Result<Access<U>, Failure>>;
}

/// A scheme that an application accepts, with what it remembers.
pub(crate) struct Accepted<S> {
    scheme: S,
    memory: Option<Memory>,
}

impl<S: Scheme> Accepted<S> {
    pub(crate) fn new(scheme: S) -> Self {
        let memory = Memory::new(scheme.remember());
        Self { scheme, memory }
    }
}

impl<S: Scheme, U: User> DynScheme<U> for Accepted<S> {
    fn name(&self) -> &'static str {
        self.scheme.name()
    }

    fn challenge(&self) -> &Challenge {
        self.scheme.challenge()
    }

    fn read(self: Arc<Self>, authorization: &[u8]) -> Read<Box<dyn Offered<U>>> {
        match self.scheme.read(authorization) {
            Read::NotMine => Read::NotMine,
            Read::Malformed => Read::Malformed,
            Read::Present(credentials) => Read::Present(Box::new(Offer { accepted: self, credentials })),
        }
    }
}

struct Offer<S: Scheme> {
    accepted: Arc<Accepted<S>>,
    credentials: S::Credentials,
}

impl<S: Scheme, U: User> Offered<U> for Offer<S> {
    fn authenticate<'a>(&'a self, session: &'a Session<U>) -> BoxFuture<'a, Result<Access<U>, Failure>> {
        Box::pin(self.judge(session))
    }
}

impl<S: Scheme> Offer<S> {
    async fn judge<U: User>(&self, session: &Session<U>) -> Result<Access<U>, Failure> {
        let Some(memory) = &self.accepted.memory else { return self.ask(session).await };
        let fingerprint = memory.fingerprint(&self.accepted.scheme, &self.credentials);
        if let Some(remembered) = memory.get(&fingerprint, session.auth().now()) {
            if let Some(user) = remembered.reload(session, &memory.keys).await? {
                return Ok(self.access(Arc::new(user), remembered.backend, remembered.authenticated));
            }
            memory.forget(&fingerprint);
        }
        let access = self.ask(session).await?;
        memory.put(fingerprint, &access, session.auth().now());
        Ok(access)
    }

    async fn ask<U: User>(&self, session: &Session<U>) -> Result<Access<U>, Failure> {
        match session.auth().judge(&self.credentials, session.facts()).await {
            Ok(done) => Ok(self.access(done.user, done.backend, done.at)),
            Err(denied) if denied.is_unavailable() => Err(Failure::Unavailable),
            Err(_) => Err(Failure::BadCredentials),
        }
    }

    fn access<U>(&self, user: Arc<U>, backend: BackendName, authenticated: Timestamp) -> Access<U> {
        Access::new(user, backend, How::Scheme(self.accepted.scheme.name()), authenticated)
    }
}

/// Credentials that were accepted lately, as keyed hashes under a key that this process alone knows.
struct Memory {
    key: [u8; 32],
    keys: KeyRing,
    time: Duration,
    entries: Mutex<HashMap<[u8; 32], Remembered>>,
}

/// How many credentials are remembered at a time.
const MAX_REMEMBERED: usize = 10_000;

#[derive(Clone)]
struct Remembered {
    user: UserId,
    backend: BackendName,
    stamp: StampMac,
    authenticated: Timestamp,
    until: Timestamp,
}

impl Remembered {
    /// The user as it is now; `None` if it is not the one that was accepted any more.
    async fn reload<U: User>(&self, session: &Session<U>, keys: &KeyRing) -> Result<Option<U>, Failure> {
        let auth = session.auth();
        let Some(source) = auth.source(&self.backend) else { return Ok(None) };
        match source.get_user(&self.user).await {
            Ok(user) => Ok(user.filter(|user| {
                let stamp = keys.check(&self.stamp, &self.backend, &self.user, user);
                user.is_active() && stamp == StampCheck::Same
            })),
            Err(error) => {
                auth.emit(EventKind::BackendFailed(&error), Some(&self.backend), None, session.facts());
                Err(Failure::Unavailable)
            }
        }
    }
}

impl Memory {
    /// `None` if nothing is to be remembered, or there is no key for it.
    fn new(time: Duration) -> Option<Self> {
        let mut key = [0; 32];
        if time.is_zero() || OsRandom.fill(&mut key).is_err() {
            return None;
        }
        Some(Self { key, keys: KeyRing::generate().ok()?, time, entries: Mutex::default() })
    }

    fn fingerprint<S: Scheme>(&self, scheme: &S, credentials: &S::Credentials) -> [u8; 32] {
        let mut fingerprint = Fingerprint(blake3::Hasher::new_keyed(&self.key));
        scheme.fingerprint(credentials, &mut fingerprint);
        *fingerprint.0.finalize().as_bytes()
    }

    fn get(&self, fingerprint: &[u8; 32], now: Timestamp) -> Option<Remembered> {
        let entries = self.lock();
        let entry = entries.get(fingerprint)?;
        // A clock that went back never makes it last longer.
        (entry.authenticated <= now && now < entry.until).then(|| entry.clone())
    }

    fn put<U: User>(&self, fingerprint: [u8; 32], access: &Access<U>, now: Timestamp) {
        let (user, backend) = (access.user().id(), access.backend().clone());
        let stamp = self.keys.stamp(&backend, &user, &**access.user());
        let authenticated = access.authenticated();
        let entry = Remembered { user, backend, stamp, authenticated, until: now.plus(self.time) };
        let mut entries = self.lock();
        if entries.len() >= MAX_REMEMBERED {
            entries.retain(|_, entry| now < entry.until);
        }
        if entries.len() < MAX_REMEMBERED {
            entries.insert(fingerprint, entry);
        }
    }

    fn forget(&self, fingerprint: &[u8; 32]) {
        self.lock().remove(fingerprint);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<[u8; 32], Remembered>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
