//! Keys as they are stored.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::ApiKeyId;
use crate::grant::{Factor, MadeBy, Proof, Proofs, Scopes};
use crate::second_factor::Enrolled;
use crate::time::Timestamp;
use crate::{BackendName, UserId};

/// The owner of a key: a user, as a backend knows them.
///
/// ```
/// use auth_core::api_keys::ApiKeyOwner;
/// use auth_core::{BackendName, UserId};
///
/// let owner = ApiKeyOwner { backend: BackendName::new("local").ok_or("not a name")?, user: UserId::from(7) };
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ApiKeyOwner {
    /// The backend's name.
    pub backend: BackendName,
    /// The user's id there.
    pub user: UserId,
}

/// A key to be created.
///
/// Unless set, it ends after [90 days](Self::lifetime) and has no scopes.
///
/// ```
/// use std::time::Duration;
///
/// use auth_core::api_keys::NewApiKey;
/// use auth_core::grant::Scopes;
///
/// let new = NewApiKey::new("nightly export")?
///     .scopes(Scopes::parse("orders:read")?)
///     .lifetime(Duration::from_secs(30 * 24 * 3600))
///     .network("10.0.0.0/8")?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct NewApiKey {
    pub(super) name: Box<str>,
    pub(super) scopes: Scopes,
    pub(super) lifetime: Option<Duration>,
    pub(super) networks: Vec<IpNet>,
    pub(super) bound_to_stamp: bool,
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl NewApiKey {
    /// The longest name, in bytes.
    pub const MAX_NAME_LEN: usize = 100;
    /// How many networks it may be restricted to.
    pub const MAX_NETWORKS: usize = 20;

    /// A key with this name, by which its owner recognises it.
    ///
    /// # Errors
    /// [`InvalidApiKey`] if the name is blank, longer than [`MAX_NAME_LEN`](Self::MAX_NAME_LEN), or contains control
    /// characters.
    pub fn new(name: impl Into<Box<str>>) -> Result<Self, InvalidApiKey> {
        let name = name.into();
        let fits = name.len() <= Self::MAX_NAME_LEN && !name.trim().is_empty();
        if !fits || name.chars().any(char::is_control) {
            return Err(InvalidApiKey::NAME);
        }
        let (scopes, networks) = (Scopes::none(), Vec::new());
        Ok(Self { name, scopes, lifetime: Some(DAY * 90), networks, bound_to_stamp: false })
    }

    /// Sets its scopes: none, unless set. The owner's permissions limit it all the same.
    ///
    /// ```
    /// # use auth_core::api_keys::NewApiKey;
    /// # use auth_core::grant::Scopes;
    /// let new = NewApiKey::new("export")?.scopes(Scopes::parse("orders:read invoices:read")?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn scopes(mut self, scopes: Scopes) -> Self {
        self.scopes = scopes;
        self
    }

    /// Sets how long it is good: 90 days, unless set.
    ///
    /// ```
    /// # use auth_core::api_keys::NewApiKey;
    /// let new = NewApiKey::new("this evening")?.lifetime(std::time::Duration::from_secs(4 * 3600));
    /// # Ok::<(), auth_core::api_keys::InvalidApiKey>(())
    /// ```
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = Some(lifetime);
        self
    }

    /// Makes it good until it is revoked.
    ///
    /// ```
    /// # use auth_core::api_keys::NewApiKey;
    /// let new = NewApiKey::new("backup server")?.never_expires();
    /// # Ok::<(), auth_core::api_keys::InvalidApiKey>(())
    /// ```
    pub fn never_expires(mut self) -> Self {
        self.lifetime = None;
        self
    }

    /// Restricts it to this address or network, by the [client's address](crate::RequestFacts::client). Call it for
    /// each.
    ///
    /// ```
    /// # use auth_core::api_keys::NewApiKey;
    /// let new = NewApiKey::new("backup server")?.network("10.0.0.7")?.network("2001:db8::/32")?;
    /// # Ok::<(), auth_core::api_keys::InvalidApiKey>(())
    /// ```
    ///
    /// # Errors
    /// [`InvalidApiKey`] if it is neither, or there are too many.
    pub fn network(mut self, network: &str) -> Result<Self, InvalidApiKey> {
        let address =
            || network.parse::<std::net::IpAddr>().map(|address| IpNet::from(address.to_canonical()));
        let network = network.parse().or_else(|_| address()).map_err(|_| InvalidApiKey::NETWORK)?;
        if self.networks.len() >= Self::MAX_NETWORKS {
            return Err(InvalidApiKey::NETWORK);
        }
        self.networks.push(network);
        Ok(self)
    }

    /// Ends it when the owner's [security stamp](crate::User::security_stamp) changes, as their sessions end: when
    /// the password changes, and when they sign out everywhere. Otherwise the key stays good.
    ///
    /// ```
    /// # use auth_core::api_keys::NewApiKey;
    /// let new = NewApiKey::new("my laptop")?.bound_to_stamp();
    /// # Ok::<(), auth_core::api_keys::InvalidApiKey>(())
    /// ```
    pub fn bound_to_stamp(mut self) -> Self {
        self.bound_to_stamp = true;
        self
    }
}

/// A stored key: everything except its secret.
///
/// ```
/// # use auth_core::api_keys::{ApiKeyOwner, ApiKeys, MemoryApiKeys, NewApiKey};
/// # use auth_core::grant::Scopes;
/// # use std::sync::Arc;
/// # use auth_core::{Auth, MemoryBackend, Password, Passwords, RequestFacts, Secret, User, UserId};
/// # #[derive(Clone)]
/// # struct Account;
/// # impl User for Account {
/// #     fn id(&self) -> UserId { UserId::from(1) }
/// #     fn security_stamp(&self) -> &[u8] { b"" }
/// #     fn is_active(&self) -> bool { true }
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let users = Arc::new(MemoryBackend::new(Passwords::new()?));
/// # users.insert("alice", &Secret::new("wonderland"), Account).await?;
/// # let keys = ApiKeys::new("shop", MemoryApiKeys::new(100))?.owners("local", Arc::clone(&users))?;
/// let created = keys.create_for("local", &UserId::from(1), NewApiKey::new("export")?).await?;
/// let stored = created.stored();
/// println!("{} … {}: {}, made {:?}", stored.id, stored.tail(), stored.name(), stored.created());
/// assert!(stored.expires.is_some() && stored.last_used.is_none());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// Its owner.
    pub owner: ApiKeyOwner,
    /// When it expires.
    pub expires: Option<Timestamp>,
    /// When it was revoked.
    pub revoked: Option<Timestamp>,
    /// When it was last used, to about a minute. Nothing depends on it.
    pub last_used: Option<Timestamp>,
    /// Shared by all copies: each request has one.
    pub(super) details: Arc<Details>,
}

/// The part that never changes.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Details {
    pub(super) hash: [u8; 32],
    pub(super) name: Box<str>,
    pub(super) scopes: Scopes,
    pub(super) networks: Vec<IpNet>,
    pub(super) created: Timestamp,
    pub(super) tail: Box<str>,
    /// A hash of the owner's stamp, if the key is bound to it.
    pub(super) stamp: Option<[u8; 32]>,
    pub(super) made_by: MadeBy,
}

impl ApiKey {
    /// The key that a store wrote, with the text that [`details`](Self::details) returned; `None` if the text belongs
    /// to another key.
    pub fn stored(id: ApiKeyId, owner: ApiKeyOwner, details: &str) -> Option<Self> {
        let wire: Wire = serde_json::from_str(details).ok()?;
        let details = Details {
            hash: wire.hash,
            name: wire.name,
            scopes: match wire.scopes {
                Some(scopes) => Scopes::parse(&scopes).ok()?,
                None => Scopes::all(),
            },
            networks: wire.networks.iter().map(|network| network.parse().ok()).collect::<Option<_>>()?,
            created: Timestamp::from_millis(wire.created),
            tail: wire.tail,
            stamp: wire.stamp,
            made_by: wire.made_by.read(Timestamp::from_millis(wire.created)),
        };
        Some(Self { id, owner, expires: None, revoked: None, last_used: None, details: Arc::new(details) })
    }

    /// Everything that never changes, as text: JSON, in which a later version may find more. It contains a hash of
    /// the secret.
    pub fn details(&self) -> String {
        let Details { hash, name, scopes, networks, created, tail, stamp, made_by } = &*self.details;
        let wire = Wire {
            hash: *hash,
            name: name.clone(),
            scopes: (!scopes.is_all()).then(|| scopes.iter().collect::<Vec<_>>().join(" ").into()),
            networks: networks.iter().map(ToString::to_string).collect(),
            created: created.as_millis(),
            tail: tail.clone(),
            stamp: *stamp,
            made_by: MadeByWire::of(made_by),
        };
        // Numbers and texts: JSON can always represent them.
        serde_json::to_string(&wire).unwrap_or_default()
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.details.name
    }

    /// Its scopes, which count as far as its owner has the permissions.
    pub fn scopes(&self) -> &Scopes {
        &self.details.scopes
    }

    /// Where it may be used from; everywhere, if there are none.
    pub fn networks(&self) -> &[IpNet] {
        &self.details.networks
    }

    /// When it was created.
    pub fn created(&self) -> Timestamp {
        self.details.created
    }

    /// Its last four characters, by which its holder finds it in a list.
    pub fn tail(&self) -> &str {
        &self.details.tail
    }

    /// Whether it ends when its owner's security stamp changes.
    pub fn is_bound_to_stamp(&self) -> bool {
        self.details.stamp.is_some()
    }

    /// Whether it is good by itself: neither revoked nor expired.
    ///
    /// ```
    /// # use auth_core::api_keys::{ApiKeyOwner, ApiKeys, MemoryApiKeys, NewApiKey};
    /// # use auth_core::grant::Scopes;
    /// # use std::sync::Arc;
    /// # use auth_core::{Auth, MemoryBackend, Password, Passwords, RequestFacts, Secret, User, UserId};
    /// # #[derive(Clone)]
    /// # struct Account;
    /// # impl User for Account {
    /// #     fn id(&self) -> UserId { UserId::from(1) }
    /// #     fn security_stamp(&self) -> &[u8] { b"" }
    /// #     fn is_active(&self) -> bool { true }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let users = Arc::new(MemoryBackend::new(Passwords::new()?));
    /// # users.insert("alice", &Secret::new("wonderland"), Account).await?;
    /// # let keys = ApiKeys::new("shop", MemoryApiKeys::new(100))?.owners("local", Arc::clone(&users))?;
    /// use auth_core::time::{Clock, SystemClock};
    ///
    /// let created = keys.create_for("local", &UserId::from(1), NewApiKey::new("export")?).await?;
    /// assert!(created.stored().is_live(SystemClock.now()));
    /// # Ok(())
    /// # }
    /// ```
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked.is_none() && self.expires.is_none_or(|expires| now < expires)
    }
}

impl fmt::Debug for ApiKey {
    /// Without the hash.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKey")
            .field("id", &self.id)
            .field("owner", &self.owner)
            .field("name", &self.details.name)
            .field("scopes", &self.details.scopes)
            .field("expires", &self.expires)
            .field("revoked", &self.revoked)
            .finish_non_exhaustive()
    }
}

#[derive(Serialize, Deserialize)]
struct Wire {
    hash: [u8; 32],
    name: Box<str>,
    /// Absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scopes: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    networks: Vec<String>,
    created: u64,
    tail: Box<str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stamp: Option<[u8; 32]>,
    /// Absent: created in a session of which nothing is known.
    #[serde(default)]
    made_by: MadeByWire,
}

/// Who created a key: the application, or a session, with the factors that proved it and those that its user had
/// enrolled.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct MadeByWire {
    application: bool,
    factors: Vec<u8>,
    enrolled: u64,
}

impl MadeByWire {
    fn of(made_by: &MadeBy) -> Self {
        let MadeBy::Session(proofs, enrolled) = made_by else {
            return Self { application: true, ..Self::default() };
        };
        let factors = proofs.as_slice().iter().map(|proof| proof.factor.code()).collect();
        Self { application: false, factors, enrolled: enrolled.bits() }
    }

    /// An unknown factor proves nothing, and does not justify requiring none.
    fn read(self, created: Timestamp) -> MadeBy {
        if self.application {
            return MadeBy::Application;
        }
        let known = self.factors.into_iter().filter_map(Factor::from_code);
        let proofs: Proofs = known.map(|factor| Proof::new(factor, created)).collect();
        MadeBy::Session(proofs, Enrolled::known_of(self.enrolled))
    }
}

/// Says why a text is not a valid key, id, name or network.
///
/// ```
/// let error = auth_core::api_keys::NewApiKey::new("  ").unwrap_err();
/// assert!(error.to_string().starts_with("the name of an API key has 1 to 100 bytes"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidApiKey(&'static str);

impl InvalidApiKey {
    pub(super) const ID: Self = Self("the id of an API key has eleven letters and digits");
    const NAME: Self =
        Self("the name of an API key has 1 to 100 bytes, not all of them blank, and no control characters");
    const NETWORK: Self =
        Self("an API key is good from at most 20 addresses or networks, like 10.0.0.7 or 10.0.0.0/8");
}

impl fmt::Display for InvalidApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for InvalidApiKey {}
