//! Keys as they are kept.

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

/// Whose a key is: a user, as a backend knows them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ApiKeyOwner {
    /// The backend's name.
    pub backend: BackendName,
    /// Who that is there.
    pub user: UserId,
}

/// A key that is to be made.
///
/// It ends after [90 days](Self::lifetime) and has no scopes, unless something else is said.
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
    /// How many networks it may be good from.
    pub const MAX_NETWORKS: usize = 20;

    /// A key of this name, by which its owner knows it again.
    ///
    /// # Errors
    /// [`InvalidApiKey`] if the name is blank, longer than [`MAX_NAME_LEN`](Self::MAX_NAME_LEN), or has control characters.
    pub fn new(name: impl Into<Box<str>>) -> Result<Self, InvalidApiKey> {
        let name = name.into();
        let fits = name.len() <= Self::MAX_NAME_LEN && !name.trim().is_empty();
        if !fits || name.chars().any(char::is_control) {
            return Err(InvalidApiKey::NAME);
        }
        let (scopes, networks) = (Scopes::none(), Vec::new());
        Ok(Self { name, scopes, lifetime: Some(DAY * 90), networks, bound_to_stamp: false })
    }

    /// What it may be used for: none, unless this says so. Its owner's permissions bound it all the same.
    pub fn scopes(mut self, scopes: Scopes) -> Self {
        self.scopes = scopes;
        self
    }

    /// For how long it is good: 90 days, unless something else is said.
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = Some(lifetime);
        self
    }

    /// It is good until somebody revokes it.
    pub fn never_expires(mut self) -> Self {
        self.lifetime = None;
        self
    }

    /// Only from this address or network, by the [client's address](crate::RequestFacts::client); may be said of several.
    ///
    /// # Errors
    /// [`InvalidApiKey`] if that is neither, or there are too many.
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

    /// It dies when the owner's [security stamp](crate::User::security_stamp) changes, as their sessions do: with the password, and
    /// when they sign out everywhere. Otherwise it lives on.
    pub fn bound_to_stamp(mut self) -> Self {
        self.bound_to_stamp = true;
        self
    }
}

/// A key as a store keeps it: all but its secret.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// Whose it is.
    pub owner: ApiKeyOwner,
    /// When it stops being good.
    pub expires: Option<Timestamp>,
    /// When it was revoked.
    pub revoked: Option<Timestamp>,
    /// When it was last used, to about a minute. It decides nothing.
    pub last_used: Option<Timestamp>,
    /// Shared by all copies: each request has one.
    pub(super) details: Arc<Details>,
}

/// What never changes.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Details {
    pub(super) hash: [u8; 32],
    pub(super) name: Box<str>,
    pub(super) scopes: Scopes,
    pub(super) networks: Vec<IpNet>,
    pub(super) created: Timestamp,
    pub(super) tail: Box<str>,
    /// A hash of the owner's stamp, if it is bound to that.
    pub(super) stamp: Option<[u8; 32]>,
    pub(super) made_by: MadeBy,
}

impl ApiKey {
    /// A key as a store kept it, with the text that [`details`](Self::details) gave; `None` if that is another one.
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

    /// All of it that never changes, as text: JSON, in which a later version may find more. It holds a hash of the secret.
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
        // Numbers and texts: there is nothing that JSON could not say.
        serde_json::to_string(&wire).unwrap_or_default()
    }

    /// The name that it was given.
    pub fn name(&self) -> &str {
        &self.details.name
    }

    /// What it may be used for, as far as its owner may do it.
    pub fn scopes(&self) -> &Scopes {
        &self.details.scopes
    }

    /// From where it may be used; from everywhere, if there is none.
    pub fn networks(&self) -> &[IpNet] {
        &self.details.networks
    }

    /// When it was made.
    pub fn created(&self) -> Timestamp {
        self.details.created
    }

    /// Its last four characters, by which somebody who has it finds it in a list.
    pub fn tail(&self) -> &str {
        &self.details.tail
    }

    /// Whether it dies with its owner's security stamp.
    pub fn is_bound_to_stamp(&self) -> bool {
        self.details.stamp.is_some()
    }

    /// Whether it is good by itself: neither revoked nor over.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked.is_none() && self.expires.is_none_or(|expires| now < expires)
    }
}

impl fmt::Debug for ApiKey {
    /// Not the hash.
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
    /// Absent: a session of which nothing is known.
    #[serde(default)]
    made_by: MadeByWire,
}

/// Who made a key: the application, or a session, by which factors it was proven, and what its user had enrolled.
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

    /// What is not known here proves nothing, and is no reason to ask for nothing.
    fn read(self, created: Timestamp) -> MadeBy {
        if self.application {
            return MadeBy::Application;
        }
        let known = self.factors.into_iter().filter_map(Factor::from_code);
        let proofs: Proofs = known.map(|factor| Proof::new(factor, created)).collect();
        MadeBy::Session(proofs, Enrolled::known_of(self.enrolled))
    }
}

/// What cannot be a key, or an id of one.
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
