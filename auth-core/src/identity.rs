//! What an outside system proved about a person.

mod bytes;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use crate::grant::Grant;
use crate::hidden;

/// A person as an outside system knows them: the issuer, the subject, and further data.
///
/// The pair (issuer, subject) is the key, compared byte for byte. A user name or an e-mail address is only an
/// attribute: the same name from another issuer is another person (CVE-2022-39229).
///
/// ```
/// use auth_core::backend::Identity;
///
/// let alice = Identity::new("https://id.example.com", "00u1a2b3")
///     .with_username("alice")
///     .with_verified_email("alice@example.com")
///     .with_groups(["staff"]);
/// assert_eq!((alice.issuer(), alice.subject()), ("https://id.example.com", "00u1a2b3"));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    /// Shared: a remembered identity is handed out with each use of its token.
    said: Arc<Said>,
    grant: Arc<Grant>,
}

#[derive(Clone, PartialEq, Eq)]
struct Said {
    issuer: String,
    subject: String,
    username: String,
    email: Option<Email>,
    name: Option<String>,
    groups: Groups,
    attributes: BTreeMap<String, Vec<String>>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("issuer", &self.said.issuer)
            .field("subject", &hidden::text(&self.said.subject))
            .field("username", &hidden::text(&self.said.username))
            .field("email", &self.said.email)
            .field("name", &hidden::optional(self.said.name.as_deref()))
            .field("groups", &self.said.groups)
            .field(
                "attributes",
                &hidden::Names(&self.said.attributes, |values| values.iter().map(String::len).sum()),
            )
            .field("grant", &self.grant)
            .finish()
    }
}

/// An e-mail address, and whether it is verified.
///
/// ```
/// use auth_core::backend::Identity;
///
/// let alice = Identity::new("https://id.example.com", "1").with_unverified_email("alice@example.com");
/// assert!(alice.email().is_some_and(|email| !email.verified));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Email {
    /// The address.
    pub address: String,
    /// Whether somebody verified that the person receives mail there. Unless the system says so, it is `false`.
    pub verified: bool,
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = hidden::text(&self.address);
        f.debug_struct("Email").field("address", &address).field("verified", &self.verified).finish()
    }
}

/// The groups of a person. Groups that could not be read are not "none".
///
/// ```
/// use auth_core::backend::{Groups, Identity};
///
/// let alice = Identity::new("https://id.example.com", "1");
/// assert_eq!(alice.groups(), &Groups::Unknown);
/// assert!(matches!(alice.with_groups(["staff"]).groups(), Groups::Known(groups) if groups.contains("staff")));
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Groups {
    /// All of them; an empty set means that there are none.
    Known(BTreeSet<String>),
    /// The outside system did not say, or not completely.
    #[default]
    Unknown,
}

impl fmt::Debug for Groups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(groups) => write!(f, "Known({} groups)", groups.len()),
            Self::Unknown => f.write_str("Unknown"),
        }
    }
}

impl Identity {
    /// An identity whose user name is its subject, with unknown groups.
    ///
    /// Take `subject` from the outside system's answer, not from what was typed: directories match names regardless
    /// of case and width, and `ALICE` must not become a second user.
    ///
    /// ```
    /// # use auth_core::backend::Identity;
    /// let alice = Identity::new("https://id.example.com", "00u1a2b3");
    /// assert_eq!(alice.username(), "00u1a2b3");
    /// ```
    pub fn new(issuer: impl Into<String>, subject: impl Into<String>) -> Self {
        let subject = subject.into();
        let said = Said {
            issuer: issuer.into(),
            username: subject.clone(),
            subject,
            email: None,
            name: None,
            groups: Groups::Unknown,
            attributes: BTreeMap::new(),
        };
        Self { said: Arc::new(said), grant: Arc::default() }
    }

    /// Sets the proposed name of a new user.
    ///
    /// ```
    /// # use auth_core::backend::Identity;
    /// let alice = Identity::new("https://id.example.com", "00u1a2b3").with_username("alice");
    /// assert_eq!((alice.subject(), alice.username()), ("00u1a2b3", "alice"));
    /// ```
    #[must_use]
    pub fn with_username(mut self, username: impl Into<String>) -> Self {
        self.said().username = username.into();
        self
    }

    /// Sets an e-mail address that the outside system has verified.
    ///
    /// ```
    /// # use auth_core::backend::Identity;
    /// let alice = Identity::new("https://id.example.com", "1").with_verified_email("alice@example.com");
    /// assert!(alice.email().is_some_and(|email| email.verified));
    /// ```
    #[must_use]
    pub fn with_verified_email(mut self, address: impl Into<String>) -> Self {
        self.said().email = Some(Email { address: address.into(), verified: true });
        self
    }

    /// Sets an e-mail address that may not be verified.
    ///
    /// ```
    /// # use auth_core::backend::Identity;
    /// let alice = Identity::new("https://id.example.com", "1").with_unverified_email("alice@example.com");
    /// assert!(alice.email().is_some_and(|email| !email.verified));
    /// ```
    #[must_use]
    pub fn with_unverified_email(mut self, address: impl Into<String>) -> Self {
        self.said().email = Some(Email { address: address.into(), verified: false });
        self
    }

    /// Sets the display name.
    ///
    /// ```
    /// # use auth_core::backend::Identity;
    /// let alice = Identity::new("https://id.example.com", "1").with_name("Alice Liddell");
    /// assert_eq!(alice.name(), Some("Alice Liddell"));
    /// ```
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.said().name = Some(name.into());
        self
    }

    /// Adds one value of an attribute.
    ///
    /// ```
    /// # use auth_core::backend::Identity;
    /// let alice = Identity::new("https://id.example.com", "1")
    ///     .with_attribute("phone", "+49 30 1234")
    ///     .with_attribute("phone", "+49 30 5678");
    /// assert_eq!(alice.attribute("phone").len(), 2);
    /// ```
    #[must_use]
    pub fn with_attribute(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.said().attributes.entry(name.into()).or_default().push(value.into());
        self
    }

    /// Sets the groups. Call it only with the complete answer: for a person without groups with an empty one.
    ///
    /// ```
    /// # use auth_core::backend::Identity;
    /// let alice = Identity::new("https://id.example.com", "1").with_groups(["staff", "sales"]);
    /// let nobody = Identity::new("https://id.example.com", "2").with_groups(Vec::<String>::new());
    /// assert_ne!(alice.groups(), nobody.groups());
    /// ```
    #[must_use]
    pub fn with_groups<G: Into<String>>(mut self, groups: impl IntoIterator<Item = G>) -> Self {
        self.said().groups = Groups::Known(groups.into_iter().map(Into::into).collect());
        self
    }

    /// Sets what the outside system says about the proof itself: its factors and their times, its scopes, and its
    /// expiry.
    ///
    /// ```
    /// # use auth_core::backend::Identity;
    /// use auth_core::grant::{Grant, Scopes};
    ///
    /// let grant = Grant::new().with_scopes(Scopes::parse("orders:read")?);
    /// let alice = Identity::new("https://id.example.com", "1").with_grant(grant);
    /// assert!(alice.grant().scopes().contains("orders:read"));
    /// # Ok::<(), auth_core::grant::InvalidScopes>(())
    /// ```
    #[must_use]
    pub fn with_grant(mut self, grant: Grant) -> Self {
        self.grant = Arc::new(grant);
        self
    }

    fn said(&mut self) -> &mut Said {
        Arc::make_mut(&mut self.said)
    }

    /// The outside system that vouches: a directory's name, a token's `iss`.
    pub fn issuer(&self) -> &str {
        &self.said.issuer
    }

    /// The stable key of the person within the issuer.
    pub fn subject(&self) -> &str {
        &self.said.subject
    }

    /// The proposed name of a new user.
    pub fn username(&self) -> &str {
        &self.said.username
    }

    /// The e-mail address.
    pub fn email(&self) -> Option<&Email> {
        self.said.email.as_ref()
    }

    /// The display name.
    pub fn name(&self) -> Option<&str> {
        self.said.name.as_deref()
    }

    /// All values of an attribute; none if it is absent.
    ///
    /// ```
    /// # use auth_core::backend::Identity;
    /// let alice = Identity::new("https://id.example.com", "1").with_attribute("phone", "+49 30 1234");
    /// assert_eq!(alice.attribute("phone"), ["+49 30 1234"]);
    /// assert!(alice.attribute("town").is_empty());
    /// ```
    pub fn attribute(&self, name: &str) -> &[String] {
        self.said.attributes.get(name).map_or(&[], Vec::as_slice)
    }

    /// The groups.
    pub fn groups(&self) -> &Groups {
        &self.said.groups
    }

    /// What the proof is worth.
    pub fn grant(&self) -> &Grant {
        &self.grant
    }
}
