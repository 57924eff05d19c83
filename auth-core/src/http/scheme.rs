//! HTTP authentication schemes: credentials that come with every request.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use zeroize::Zeroizing;

use super::Challenge;
use crate::event::EventKind;
use crate::identity_hasher::IdentityState;
use crate::session::{Failure, Session};
use crate::{Access, BackendName, Clock, Credentials, How, OsRandom, Random, Timestamp, User, UserId, keyed};

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

    /// What a 401 offers to who presented credentials of this scheme that were not accepted. The same, unless the
    /// scheme has a word for it.
    fn challenge_again(&self) -> &Challenge {
        self.challenge()
    }

    /// For how long credentials that a backend accepted are remembered, so that a client that sends them with
    /// every request does not cost a password hash each time. Zero for never.
    ///
    /// Only a keyed hash of the header's value is kept. The user is still loaded on every request: one who is
    /// disabled, or whose security stamp changed, is refused at once. Once accepted, the same value is not
    /// [read](Self::read) again in this time: for credentials that end earlier, choose it short or zero.
    fn remember(&self) -> Duration;

    /// Whether the credentials are asked for and judged also where others may have read them: over a connection that is
    /// not known to be encrypted. Whatever could be used again by who reads it should say `false`.
    fn allows_cleartext(&self) -> bool;

    /// Whether browsers add the credentials by themselves, to the requests of any site's page. Those that change
    /// something are then refused when they come from another site. `false` is for what only a program can add that
    /// knows the secret.
    fn is_ambient(&self) -> bool {
        true
    }
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

/// The dyn twin of [`Scheme`].
pub(crate) trait DynScheme<U>: Send + Sync {
    fn name(&self) -> &'static str;
    fn challenge(&self) -> &Challenge;
    fn challenge_again(&self) -> &Challenge;
    fn allows_cleartext(&self) -> bool;
    fn is_ambient(&self) -> bool;
    /// What this very value led to lately.
    fn recall(&self, authorization: &[u8], clock: &dyn Clock) -> Option<Arc<Remembered>>;
    fn forget(&self, authorization: &[u8]);
    fn read(self: Arc<Self>, authorization: &[u8]) -> Read<Arc<dyn Offered<U>>>;
}

/// Credentials that a scheme read, waiting to be judged.
pub(crate) trait Offered<U>: Send + Sync {
    fn is_ambient(&self) -> bool;
    fn authenticate(self: Arc<Self>, session: Session<U>) -> BoxFuture<'static, Result<(), Failure>>;
}

/// The credentials of a request.
pub(crate) enum Offer<U> {
    /// To be judged.
    Fresh(Arc<dyn Offered<U>>),
    /// Accepted lately.
    Recalled(Recalled<U>),
}

impl<U> Offer<U> {
    pub(super) fn is_ambient(&self) -> bool {
        match self {
            Self::Fresh(credentials) => credentials.is_ambient(),
            Self::Recalled(credentials) => credentials.scheme.is_ambient(),
        }
    }
}

/// Reads the credentials of a request, by the scheme that takes them.
pub(super) fn read<U: User>(
    scheme: &Arc<dyn DynScheme<U>>,
    authorization: &[u8],
    clock: &dyn Clock,
) -> Read<Offer<U>> {
    if let Some(entry) = scheme.recall(authorization, clock) {
        let authorization = Zeroizing::new(authorization.into());
        return Read::Present(Offer::Recalled(Recalled { scheme: Arc::clone(scheme), authorization, entry }));
    }
    match Arc::clone(scheme).read(authorization) {
        Read::NotMine => Read::NotMine,
        Read::Malformed => Read::Malformed,
        Read::Present(credentials) => Read::Present(Offer::Fresh(credentials)),
    }
}

/// Whether the value of an `Authorization` header is of this scheme (RFC 9110 §11.4; names are case-insensitive).
pub(super) fn is_of(authorization: &[u8], scheme: &str) -> bool {
    parameters(authorization, scheme).is_some()
}

/// What follows the scheme's name and the blanks behind it, if it is this one.
pub(super) fn parameters<'a>(authorization: &'a [u8], scheme: &str) -> Option<&'a [u8]> {
    let (name, rest) = authorization.split_at_checked(scheme.len())?;
    let is_it = name.eq_ignore_ascii_case(scheme.as_bytes()) && rest.first().is_none_or(|byte| *byte == b' ');
    let blanks = rest.iter().take_while(|byte| **byte == b' ').count();
    is_it.then(|| &rest[blanks..])
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

    /// The memory, if this value may be in it. Another scheme's is not worth a hash.
    fn memory(&self, authorization: &[u8]) -> Option<&Memory> {
        let memory = self.memory.as_ref().filter(|_| authorization.len() <= MAX_REMEMBERED_LEN)?;
        let name = authorization.get(..self.scheme.name().len())?;
        name.eq_ignore_ascii_case(self.scheme.name().as_bytes()).then_some(memory)
    }
}

impl<S: Scheme, U: User> DynScheme<U> for Accepted<S> {
    fn name(&self) -> &'static str {
        self.scheme.name()
    }

    fn challenge(&self) -> &Challenge {
        self.scheme.challenge()
    }

    fn challenge_again(&self) -> &Challenge {
        self.scheme.challenge_again()
    }

    fn allows_cleartext(&self) -> bool {
        self.scheme.allows_cleartext()
    }

    fn is_ambient(&self) -> bool {
        self.scheme.is_ambient()
    }

    fn recall(&self, authorization: &[u8], clock: &dyn Clock) -> Option<Arc<Remembered>> {
        let memory = self.memory(authorization)?;
        memory.get(&memory.fingerprint(authorization), clock.now())
    }

    fn forget(&self, authorization: &[u8]) {
        if let Some(memory) = self.memory(authorization) {
            memory.forget(&memory.fingerprint(authorization));
        }
    }

    fn read(self: Arc<Self>, authorization: &[u8]) -> Read<Arc<dyn Offered<U>>> {
        match self.scheme.read(authorization) {
            Read::NotMine => Read::NotMine,
            Read::Malformed => Read::Malformed,
            Read::Present(credentials) => {
                let fingerprint = self.memory(authorization).map(|memory| memory.fingerprint(authorization));
                Read::Present(Arc::new(Fresh { accepted: self, credentials, fingerprint }))
            }
        }
    }
}

/// Credentials that are to be judged.
struct Fresh<S: Scheme> {
    accepted: Arc<Accepted<S>>,
    credentials: S::Credentials,
    /// Under which to remember them.
    fingerprint: Option<Fingerprint>,
}

impl<S: Scheme, U: User> Offered<U> for Fresh<S> {
    fn is_ambient(&self) -> bool {
        self.accepted.scheme.is_ambient()
    }

    fn authenticate(self: Arc<Self>, session: Session<U>) -> BoxFuture<'static, Result<(), Failure>> {
        Box::pin(async move { self.judge(&session).await })
    }
}

impl<S: Scheme> Fresh<S> {
    /// Asks the chain.
    async fn judge<U: User>(&self, session: &Session<U>) -> Result<(), Failure> {
        let Accepted { scheme, memory } = &*self.accepted;
        let done = match session.auth().judge(&self.credentials, session.facts()).await {
            Ok(done) => done,
            Err(denied) if denied.is_unavailable() => return Err(Failure::Unavailable),
            Err(_) => return Err(Failure::BadCredentials),
        };
        let access = Access::new(done.user, done.backend, How::Scheme(scheme.name()), done.at);
        if let (Some(memory), Some(fingerprint)) = (memory, self.fingerprint) {
            memory.put(fingerprint, &access, session.auth().now());
        }
        session.state().access = Some(access);
        Ok(())
    }
}

/// Credentials that were accepted lately.
pub(crate) struct Recalled<U> {
    scheme: Arc<dyn DynScheme<U>>,
    /// Read again if the user is not the one that was accepted any more.
    authorization: Zeroizing<Box<[u8]>>,
    entry: Arc<Remembered>,
}

impl<U: User> Recalled<U> {
    /// Loads the user that they are known to be. If that fails, they are judged as if never seen.
    pub(crate) async fn authenticate(&self, session: &Session<U>) -> Result<(), Failure> {
        let Self { scheme, authorization, entry } = self;
        if let Some(user) = entry.reload(session).await? {
            let how = How::Scheme(scheme.name());
            let access = Access::new(Arc::new(user), entry.backend.clone(), how, entry.authenticated);
            session.state().access = Some(access);
            return Ok(());
        }
        scheme.forget(authorization);
        match Arc::clone(scheme).read(authorization) {
            Read::Present(credentials) => credentials.authenticate(session.clone()).await,
            Read::NotMine | Read::Malformed => Err(Failure::BadCredentials),
        }
    }
}

/// A keyed hash of the value of an `Authorization` header.
type Fingerprint = [u8; 32];

/// Credentials that were accepted lately, as keyed hashes under a key that this process alone knows.
struct Memory {
    key: keyed::Key,
    time: Duration,
    entries: Mutex<Entries>,
}

/// Longer values are not remembered, in bytes.
const MAX_REMEMBERED_LEN: usize = 16 * 1024;
/// How many credentials are remembered at a time.
const MAX_REMEMBERED: usize = 10_000;
/// How many of them are one user's. The same credentials can be written in many ways: whoever does that takes the places
/// of their own, and not of everybody, whose requests would then cost a hash each.
const MAX_PER_USER: usize = 10;

pub(crate) struct Remembered {
    user: UserId,
    backend: BackendName,
    /// The user's security stamp when they were accepted.
    stamp: Zeroizing<Box<[u8]>>,
    authenticated: Timestamp,
    until: Timestamp,
}

impl Remembered {
    /// The user as it is now; `None` if it is not the one that was accepted any more.
    async fn reload<U: User>(&self, session: &Session<U>) -> Result<Option<U>, Failure> {
        let auth = session.auth();
        let Some(source) = auth.source(&self.backend) else { return Ok(None) };
        match source.get_user(&self.user).await {
            Ok(user) => Ok(user.filter(|user| user.is_active() && user.security_stamp() == &**self.stamp)),
            Err(error) => {
                auth.emit(EventKind::BackendFailed(&error), Some(&self.backend), None, session.facts());
                Err(Failure::Unavailable)
            }
        }
    }
}

type Entries = HashMap<Fingerprint, Arc<Remembered>, IdentityState>;

/// Forgets the oldest credentials of a user who has as many as one may have. That walks through all of them, which takes
/// far less than the hash that was just computed.
fn make_room_of_own(entries: &mut Entries, new: &Remembered) {
    let is_theirs = |entry: &Remembered| entry.user == new.user && entry.backend == new.backend;
    let theirs = entries.iter().filter(|(_, entry)| is_theirs(entry));
    let mut theirs: Vec<_> = theirs.map(|(fingerprint, entry)| (entry.until, *fingerprint)).collect();
    if theirs.len() >= MAX_PER_USER {
        theirs.sort_unstable();
        entries.remove(&theirs[0].1);
    }
}

impl Memory {
    /// `None` if nothing is to be remembered, or there is no key for it.
    fn new(time: Duration) -> Option<Self> {
        let mut key = keyed::Key::default();
        if time.is_zero() || OsRandom.fill(&mut *key).is_err() {
            return None;
        }
        Some(Self { key, time, entries: Mutex::default() })
    }

    fn fingerprint(&self, authorization: &[u8]) -> Fingerprint {
        keyed::hash(&self.key, authorization)
    }

    fn get(&self, fingerprint: &Fingerprint, now: Timestamp) -> Option<Arc<Remembered>> {
        let entries = self.lock();
        let entry = entries.get(fingerprint)?;
        // A clock that went back never makes it last longer.
        (entry.authenticated <= now && now < entry.until).then(|| Arc::clone(entry))
    }

    fn put<U: User>(&self, fingerprint: Fingerprint, access: &Access<U>, now: Timestamp) {
        let (user, backend) = (access.user().id(), access.backend().clone());
        let stamp = Zeroizing::new(access.user().security_stamp().into());
        let authenticated = access.authenticated();
        let entry = Remembered { user, backend, stamp, authenticated, until: now.plus(self.time) };
        let mut entries = self.lock();
        if entries.len() >= MAX_REMEMBERED {
            entries.retain(|_, entry| now < entry.until);
        }
        make_room_of_own(&mut entries, &entry);
        if entries.len() < MAX_REMEMBERED {
            entries.insert(fingerprint, Arc::new(entry));
        }
    }

    fn forget(&self, fingerprint: &Fingerprint) {
        self.lock().remove(fingerprint);
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
