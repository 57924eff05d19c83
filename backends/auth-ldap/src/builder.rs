//! [`LdapBuilder`]: the settings of an [`Ldap`].

use std::sync::Arc;
use std::time::Duration;

use auth_core::{ConfigError, Secret};
use ldap3::Scope;
use rustls::ClientConfig;
use tokio_rustls::TlsConnector;

use crate::directory::Directory;
use crate::dn;
use crate::groups::GroupSource;
use crate::ldap::Ldap;
use crate::pool::{Account, Pool};
use crate::reader::Bounds;
use crate::server::{Server, Servers};
use crate::settings::{Lockout, Person, Settings, Way};
use crate::state;
use crate::subject::Subject;
use crate::template::{DnTemplate, FilterTemplate};
use crate::tls::Trust;

/// The settings of an [`Ldap`], which shows an example. [`build`](Self::build) refuses settings that cannot be right.
#[derive(Clone)]
#[must_use]
pub struct LdapBuilder {
    issuer: String,
    servers: Vec<String>,
    trust: Option<Trust>,
    clear: bool,
    searcher: Option<Searcher>,
    base: String,
    scope: Scope,
    filter: String,
    bind: Bind,
    domain: Option<String>,
    subject: String,
    username: String,
    email: Option<String>,
    email_is_verified: bool,
    name: Option<String>,
    copied: Vec<String>,
    groups: Option<GroupSource>,
    required: Vec<String>,
    denied: Vec<String>,
    connect_timeout: Duration,
    operation_timeout: Duration,
    timeout: Duration,
    lockout: Option<Lockout>,
    connections: usize,
    page_size: u16,
    max_groups: usize,
}

#[derive(Clone)]
enum Searcher {
    Account(Account),
    Nobody,
}

#[derive(Clone)]
enum Bind {
    Found,
    Dn(String),
    Principal,
}

impl LdapBuilder {
    pub(crate) fn new(issuer: String) -> Self {
        Self {
            issuer,
            servers: Vec::new(),
            trust: None,
            clear: false,
            searcher: None,
            base: String::new(),
            scope: Scope::Subtree,
            filter: String::new(),
            bind: Bind::Found,
            domain: None,
            subject: "entryUUID".into(),
            username: "uid".into(),
            email: Some("mail".into()),
            email_is_verified: false,
            name: Some("cn".into()),
            copied: Vec::new(),
            groups: None,
            required: Vec::new(),
            denied: Vec::new(),
            connect_timeout: Duration::from_secs(2),
            operation_timeout: Duration::from_secs(2),
            timeout: Duration::from_secs(4),
            lockout: None,
            connections: 8,
            page_size: 500,
            max_groups: 10_000,
        }
    }

    pub(crate) fn active_directory(domain: String) -> Self {
        let base: Vec<_> = domain.split('.').map(|part| format!("DC={part}")).collect();
        let filter = format!(
            "(&(objectCategory=person)(objectClass=user)\
             (|(sAMAccountName={{username}})(userPrincipalName={{username}}@{domain})))"
        );
        Self {
            domain: Some(domain.clone()),
            subject: "objectGUID".into(),
            username: "sAMAccountName".into(),
            name: Some("displayName".into()),
            ..Self::new(domain).users(base.join(","), filter)
        }
    }

    /// Adds a server: `ldaps://host`; `ldap://host`, on which `StartTLS` comes before anything else; or
    /// `ldapi://%2Frun%2Fslapd%2Fldapi`, a socket of this machine. The first server is used while it works. A server
    /// that failed is tried last for 30 s.
    ///
    /// ```
    /// # use auth_ldap::{GroupSource, Ldap};
    /// # let builder = Ldap::builder("example.org");
    /// let builder = builder.server("ldaps://ldap1.example.org").server("ldap://ldap2.example.org");
    /// ```
    pub fn server(mut self, url: impl Into<String>) -> Self {
        self.servers.push(url.into());
        self
    }

    /// Trusts these authorities, certificates as PEM, to certify the servers, instead of those that the system
    /// trusts.
    ///
    /// ```no_run
    /// # use auth_ldap::Ldap;
    /// let builder = Ldap::builder("example.org").authorities(std::fs::read("/etc/ssl/example-org.pem")?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn authorities(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.trust = Some(Trust::Authorities(pem.into()));
        self
    }

    /// Sets the TLS configuration: a client certificate, say, or other cryptography.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use auth_ldap::{Ldap, LdapBuilder};
    /// fn directory(config: rustls::ClientConfig) -> LdapBuilder {
    ///     Ldap::builder("example.org").tls(Arc::new(config))
    /// }
    /// ```
    pub fn tls(mut self, config: Arc<ClientConfig>) -> Self {
        self.trust = Some(Trust::Own(config));
        self
    }

    /// Talks to `ldap://` servers without TLS, passwords included: anybody on the network path can read them, and
    /// sign in as anybody.
    ///
    /// ```
    /// # use auth_ldap::{GroupSource, Ldap};
    /// # let builder = Ldap::builder("example.org");
    /// let builder = builder.server("ldap://10.0.0.5").insecure_without_tls();
    /// ```
    pub fn insecure_without_tls(mut self) -> Self {
        self.clear = true;
        self
    }

    /// Searches as this account. It needs the right to read what is used about people and groups, and no other.
    ///
    /// ```
    /// # use auth_ldap::{GroupSource, Ldap};
    /// # let builder = Ldap::builder("example.org");
    /// let password = std::env::var("LDAP_PASSWORD").unwrap_or_default();
    /// let builder = builder.service_account("cn=web,ou=services,dc=example,dc=org", password);
    /// ```
    pub fn service_account(mut self, dn: impl Into<String>, password: impl Into<Secret>) -> Self {
        let account = Account::Service { dn: dn.into(), password: password.into() };
        self.searcher = Some(Searcher::Account(account));
        self
    }

    /// Searches anonymously (RFC 4513 §5.1), if the directory allows it.
    ///
    /// ```
    /// # use auth_ldap::{GroupSource, Ldap};
    /// # let builder = Ldap::builder("example.org");
    /// let builder = builder.anonymous_search();
    /// ```
    pub fn anonymous_search(mut self) -> Self {
        self.searcher = Some(Searcher::Account(Account::Nobody));
        self
    }

    /// Searches only as the user who logs in. A user can then not be [looked up](auth_core::backend::Confirm) without
    /// their password: confirming them is always an error.
    ///
    /// ```
    /// # use auth_ldap::{GroupSource, Ldap};
    /// # let builder = Ldap::builder("example.org");
    /// let builder = builder
    ///     .without_service_account()
    ///     .bind_dn("uid={username},ou=people,dc=example,dc=org")
    ///     .users("ou=people,dc=example,dc=org", "(uid={username})");
    /// ```
    pub fn without_service_account(mut self) -> Self {
        self.searcher = Some(Searcher::Nobody);
        self
    }

    /// Sets where people are, and how to find one by name.
    ///
    /// The filter also decides who may sign in at all: nobody else is found.
    ///
    /// ```
    /// # use auth_ldap::{GroupSource, Ldap};
    /// # let builder = Ldap::builder("example.org");
    /// let builder = builder.users("ou=people,dc=example,dc=org", "(&(objectClass=inetOrgPerson)(uid={username}))");
    /// ```
    pub fn users(mut self, base: impl Into<String>, filter: impl Into<String>) -> Self {
        self.base = base.into();
        self.filter = filter.into();
        self
    }

    /// Finds people directly below the base only, not deeper.
    ///
    /// ```
    /// # use auth_ldap::{GroupSource, Ldap};
    /// # let builder = Ldap::builder("example.org");
    /// let builder = builder.users("ou=people,dc=example,dc=org", "(uid={username})").one_level();
    /// ```
    pub fn one_level(mut self) -> Self {
        self.scope = Scope::OneLevel;
        self
    }

    /// Binds as a DN built from the name, and searches only afterwards: the user searches for their own entry.
    ///
    /// ```
    /// # use auth_ldap::{GroupSource, Ldap};
    /// # let builder = Ldap::builder("example.org");
    /// let builder = builder.bind_dn("uid={username},ou=people,dc=example,dc=org");
    /// ```
    pub fn bind_dn(mut self, template: impl Into<String>) -> Self {
        self.bind = Bind::Dn(template.into());
        self
    }

    /// Binds as the name with the domain, `alice@example.test`, as [Active Directory](Ldap::active_directory) allows,
    /// and searches only afterwards: the user searches for their own entry.
    ///
    /// ```
    /// # use auth_ldap::Ldap;
    /// let builder = Ldap::active_directory("example.test").bind_principal().without_service_account();
    /// ```
    pub fn bind_principal(mut self) -> Self {
        self.bind = Bind::Principal;
        self
    }

    /// Sets the attribute that identifies a person permanently, across renames and moves: `entryUUID`, unless set.
    /// `objectGUID` is written as Windows does.
    ///
    /// ```
    /// # use auth_ldap::{GroupSource, Ldap};
    /// # let builder = Ldap::builder("example.org");
    /// let builder = builder.subject_attribute("nsUniqueId"); // 389 Directory Server
    /// ```
    pub fn subject_attribute(mut self, name: impl Into<String>) -> Self {
        self.subject = name.into();
        self
    }

    /// Sets the attribute with the login name: `uid`, unless set. The user's name is the directory's spelling, not
    /// what was typed.
    ///
    /// ```
    /// # use auth_ldap::{GroupSource, Ldap};
    /// # let builder = Ldap::builder("example.org");
    /// let builder = builder.username_attribute("mail").users("dc=example,dc=org", "(mail={username})");
    /// ```
    pub fn username_attribute(mut self, name: impl Into<String>) -> Self {
        self.username = name.into();
        self
    }

    /// Sets the attribute with the e-mail address: `mail`, unless set.
    ///
    /// ```
    /// # use auth_ldap::{GroupSource, Ldap};
    /// # let builder = Ldap::builder("example.org");
    /// let builder = builder.email_attribute("mailPrimaryAddress");
    /// ```
    pub fn email_attribute(mut self, name: impl Into<String>) -> Self {
        self.email = Some(name.into());
        self
    }

    /// Says that the addresses in this directory are verified: the person receives what is sent there. Do not call it
    /// if people can change the address themselves, because a policy may hand over users by it.
    ///
    /// ```
    /// # use auth_ldap::{GroupSource, Ldap};
    /// # let builder = Ldap::builder("example.org");
    /// let builder = builder.email_is_verified();
    /// ```
    pub fn email_is_verified(mut self) -> Self {
        self.email_is_verified = true;
        self
    }

    /// Sets the attribute with the display name: `cn`, unless set.
    ///
    /// ```
    /// # use auth_ldap::{GroupSource, Ldap};
    /// # let builder = Ldap::builder("example.org");
    /// let builder = builder.name_attribute("displayName");
    /// ```
    pub fn name_attribute(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Copies an attribute into identities: all values that are text.
    ///
    /// ```
    /// # use auth_ldap::{GroupSource, Ldap};
    /// # let builder = Ldap::builder("example.org");
    /// let builder = builder.attribute("telephoneNumber");
    /// ```
    pub fn attribute(mut self, name: impl Into<String>) -> Self {
        self.copied.push(name.into());
        self
    }

    /// Sets where groups are found. Without it they are [unknown](auth_core::backend::Groups::Unknown).
    ///
    /// ```
    /// # use auth_ldap::{GroupSource, Ldap};
    /// # let builder = Ldap::builder("example.org");
    /// let builder = builder.groups(GroupSource::member_of("ou=groups,dc=example,dc=org"));
    /// ```
    pub fn groups(mut self, source: GroupSource) -> Self {
        self.groups = Some(source);
        self
    }

    /// Lets only members of this group in. If called several times, membership in one of the groups is enough.
    ///
    /// ```
    /// # use auth_ldap::{GroupSource, Ldap};
    /// # let builder = Ldap::builder("example.org");
    /// # let builder = builder.groups(GroupSource::member_of("ou=groups,dc=example,dc=org"));
    /// let builder = builder.require_group("staff").require_group("contractors");
    /// ```
    pub fn require_group(mut self, name: impl Into<String>) -> Self {
        self.required.push(name.into());
        self
    }

    /// Refuses members of this group.
    ///
    /// ```
    /// # use auth_ldap::{GroupSource, Ldap};
    /// # let builder = Ldap::builder("example.org");
    /// # let builder = builder.groups(GroupSource::member_of("ou=groups,dc=example,dc=org"));
    /// let builder = builder.deny_group("suspended");
    /// ```
    pub fn deny_group(mut self, name: impl Into<String>) -> Self {
        self.denied.push(name.into());
        self
    }

    /// Sets how long a connection may take, with TLS and the service account's bind: 2 s, unless set.
    ///
    /// ```
    /// # use auth_ldap::{GroupSource, Ldap};
    /// # let builder = Ldap::builder("example.org");
    /// let builder = builder.connect_timeout(std::time::Duration::from_secs(1));
    /// ```
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connect_timeout = limit;
        self
    }

    /// Sets how long a server may take for one answer: 2 s, unless set.
    ///
    /// ```
    /// # use auth_ldap::{GroupSource, Ldap};
    /// # let builder = Ldap::builder("example.org");
    /// let builder = builder.operation_timeout(std::time::Duration::from_secs(1));
    /// ```
    pub fn operation_timeout(mut self, limit: Duration) -> Self {
        self.operation_timeout = limit;
        self
    }

    /// Sets how long a login may take altogether: 4 s, unless set. Keep it below the time that a chain waits for a
    /// backend, which is [5 s](auth_core::backend::BACKEND_TIMEOUT).
    ///
    /// ```
    /// # use auth_ldap::{GroupSource, Ldap};
    /// # let builder = Ldap::builder("example.org");
    /// use std::time::Duration;
    ///
    /// let builder = builder
    ///     .connect_timeout(Duration::from_secs(1))
    ///     .operation_timeout(Duration::from_secs(1))
    ///     .timeout(Duration::from_secs(3));
    /// ```
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = limit;
        self
    }

    /// Keeps the directory from locking an account. The directory does so after this many failures within this time
    /// (Active Directory: "Account lockout threshold" and "Reset account lockout counter after"; `OpenLDAP`:
    /// `pwdMaxFailure` and `pwdFailureCountInterval`). This crate tries one fewer, from all addresses and devices
    /// together. Further attempts count as wrong passwords without asking the directory. Failures elsewhere count at
    /// the directory in addition.
    ///
    /// The application's [`Throttle`](auth_core::throttle::Throttle) counts them; without one this setting does
    /// nothing.
    ///
    /// ```
    /// # use auth_ldap::{GroupSource, Ldap};
    /// # let builder = Ldap::builder("example.org");
    /// let builder = builder.lockout_threshold(10, std::time::Duration::from_secs(30 * 60));
    /// ```
    pub fn lockout_threshold(mut self, failures: u32, within: Duration) -> Self {
        self.lockout = Some(Lockout { failures: failures.saturating_sub(1), within });
        self
    }

    /// Sets how many connections are kept for searches, and how many for binds: 8, unless set. As many logins run
    /// concurrently. Up to 256 more wait, each no longer than [`timeout`](Self::timeout).
    ///
    /// ```
    /// # use auth_ldap::{GroupSource, Ldap};
    /// # let builder = Ldap::builder("example.org");
    /// let builder = builder.connections(16);
    /// ```
    pub fn connections(mut self, number: usize) -> Self {
        self.connections = number;
        self
    }

    /// Sets how many entries to ask for at a time: 500, unless set. A directory with smaller pages is asked more
    /// often. One that refuses so many (`adminLimitExceeded`) needs a smaller number here.
    ///
    /// ```
    /// # use auth_ldap::{GroupSource, Ldap};
    /// # let builder = Ldap::builder("example.org");
    /// let builder = builder.page_size(200);
    /// ```
    pub fn page_size(mut self, entries: u16) -> Self {
        self.page_size = entries;
        self
    }

    /// Sets how many groups a user may be in: 10,000, unless set. The groups of a user in more are
    /// [unknown](auth_core::backend::Groups::Unknown), and the log says so. A [copied](Self::attribute) attribute may
    /// have as many values.
    ///
    /// ```
    /// # use auth_ldap::{GroupSource, Ldap};
    /// # let builder = Ldap::builder("example.org");
    /// let builder = builder.max_groups(500);
    /// ```
    pub fn max_groups(mut self, number: usize) -> Self {
        self.max_groups = number;
        self
    }

    /// Builds the directory. Nothing connects yet.
    ///
    /// ```
    /// # use auth_ldap::{GroupSource, Ldap};
    /// # let builder = Ldap::builder("example.org");
    /// let error = builder.build().unwrap_err();
    /// assert_eq!(error.to_string(), "the directory cannot be used: name a `server`");
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] if a setting is missing, or cannot be right.
    pub fn build(self) -> Result<Ldap, ConfigError> {
        self.check()?;
        let servers = self.servers()?;
        let searcher = self.searcher.as_ref();
        let searcher = searcher.ok_or_else(|| {
            refused("name the searching account by `service_account`, or call `anonymous_search`")
        })?;
        let searchers = match searcher {
            Searcher::Account(account) => Some(Pool::new(servers.clone(), account.clone(), self.connections)),
            Searcher::Nobody => None,
        };
        let binders = Pool::new(servers, Account::Nobody, self.connections);
        Ok(Ldap::of(Directory { settings: self.settings()?, searchers, binders }))
    }

    fn check(&self) -> Result<(), ConfigError> {
        let limits = [self.connect_timeout, self.operation_timeout, self.timeout];
        let attributes = self.attributes();
        let rules = [
            (
                (1..=1024).contains(&self.issuer.len()) && !self.issuer.contains('\0'),
                "the issuer needs a name",
            ),
            (!self.servers.is_empty(), "name a `server`"),
            (
                self.lockout.is_none_or(|lockout| lockout.failures > 0 && !lockout.within.is_zero()),
                "`lockout_threshold` needs at least two failures, and a time above zero",
            ),
            (is_dn(&self.base), "the base of `users` is not a DN: write `ou=people,dc=example,dc=org`"),
            (
                attributes.iter().all(|name| is_attribute(name)),
                "an attribute's name is not a valid LDAP attribute description (RFC 4512 §2.5)",
            ),
            (limits.iter().all(|limit| !limit.is_zero()), "a time limit must be above zero"),
            (self.connections > 0, "`connections` must be at least 1"),
            (self.page_size > 0, "`page_size` must be at least 1"),
            (self.max_groups > 0, "`max_groups` must be at least 1; leave out `groups` to read none"),
            (
                self.groups.is_some() || !self.has_group_rules(),
                "`require_group` and `deny_group` need `groups`",
            ),
            (
                self.groups.as_ref().is_none_or(|groups| is_dn(groups.base())),
                "the base of the groups is not a DN",
            ),
        ];
        let broken = rules.into_iter().find(|(holds, _)| !holds);
        broken.map_or(Ok(()), |(_, why)| Err(refused(why)))?;
        match (&self.searcher, &self.bind) {
            (Some(Searcher::Account(Account::Service { dn, password })), _)
                if dn.trim().is_empty() || password.is_empty() =>
            {
                Err(refused(
                    "the service account needs a DN and a password; without them its bind would be anonymous",
                ))
            }
            (Some(Searcher::Nobody), Bind::Found) => {
                Err(refused("without a service account, say how users bind: `bind_dn` or `bind_principal`"))
            }
            (_, Bind::Principal) if self.domain.is_none() => {
                Err(refused("`bind_principal` is for Active Directory: start with `Ldap::active_directory`"))
            }
            _ => Ok(()),
        }
    }

    fn has_group_rules(&self) -> bool {
        !self.required.is_empty() || !self.denied.is_empty()
    }

    fn servers(&self) -> Result<Arc<Servers>, ConfigError> {
        let list: Vec<_> = self
            .servers
            .iter()
            .map(|url| Server::at(url, self.clear).map(Arc::new))
            .collect::<Result<_, _>>()?;
        let tls = match (&self.trust, list.iter().any(|server| server.uses_tls())) {
            (Some(_), false) => return Err(refused("TLS is configured, but no server uses it")),
            (trust, true) => Some(trust.clone().unwrap_or(Trust::System).config()?),
            (None, false) => None,
        };
        Ok(Arc::new(Servers {
            list,
            tls: tls.map(TlsConnector::from),
            connect_timeout: self.connect_timeout,
            operation_timeout: self.operation_timeout,
        }))
    }

    /// All attributes that are read about a person.
    fn attributes(&self) -> Vec<String> {
        let own = [&self.subject, &self.username]
            .into_iter()
            .chain(&self.email)
            .chain(&self.name)
            .chain(&self.copied);
        let groups = self.groups.iter().flat_map(GroupSource::attributes);
        let fixed = groups.copied().chain(state::ATTRIBUTES).map(str::to_owned);
        own.cloned().chain(fixed).collect()
    }

    fn settings(self) -> Result<Settings, ConfigError> {
        let attributes = self.attributes();
        let fold = |names: &[String]| {
            let source = self.groups.as_ref();
            names.iter().map(|name| source.map_or_else(String::new, |source| source.folded(name))).collect()
        };
        Ok(Settings {
            required: fold(&self.required),
            denied: fold(&self.denied),
            issuer: self.issuer,
            base: self.base,
            scope: self.scope,
            filter: FilterTemplate::parse(&self.filter)?,
            way: match self.bind {
                Bind::Found => Way::Search,
                Bind::Dn(template) => Way::Dn(DnTemplate::parse(&template)?),
                Bind::Principal => Way::Principal,
            },
            domain: self.domain,
            person: Person {
                subject: Subject::new(&self.subject),
                username: self.username,
                email: self.email,
                email_is_verified: self.email_is_verified,
                name: self.name,
                copied: self.copied,
            },
            groups: self.groups,
            attributes,
            timeout: self.timeout,
            lockout: self.lockout,
            bounds: Bounds { page: self.page_size.into(), most: self.max_groups },
        })
    }
}

fn refused(why: &str) -> ConfigError {
    ConfigError::new(format!("the directory cannot be used: {why}"))
}

fn is_dn(text: &str) -> bool {
    dn::parse(text).is_some_and(|name| !name.is_empty())
}

fn is_attribute(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-.;".contains(&byte);
    !name.is_empty() && name.bytes().all(plain)
}
