//! Passwords verified by an LDAP directory, for [`auth_core`]: `OpenLDAP`, 389 Directory Server, Active Directory.
//!
//! [`Ldap`] is a [`Verifier<Password>`](auth_core::backend::Verifier): it identifies the person, and a policy decides
//! what becomes of that in the application's own table. It is also a [`Confirm`](auth_core::backend::Confirm): it
//! says whether a signed-in person may stay signed in.
//!
//! ```
//! use auth_core::provisioning::{Provisioning, Right};
//! use auth_core::{Auth, Password};
//! use auth_core::backend::Provisioned;
//! use auth_ldap::{GroupSource, Ldap};
//! # use auth_core::provisioning::ProvisionStore;
//! # use auth_core::backend::Backend;
//!
//! # fn chain<S: ProvisionStore + Backend<Password> + Clone>(users: S) -> Result<(), auth_core::ConfigError> {
//! # let (authority, password) = (test_servers::Certificate::new().authority, "secret");
//! let directory = Ldap::builder("example.org")
//!     .server("ldaps://ldap1.example.org")
//!     .server("ldaps://ldap2.example.org")
//!     .authorities(authority)
//!     .service_account("cn=web,ou=services,dc=example,dc=org", password)
//!     .users("ou=people,dc=example,dc=org", "(&(objectClass=inetOrgPerson)(uid={username}))")
//!     .groups(GroupSource::member_of("ou=groups,dc=example,dc=org"))
//!     .build()?;
//! let policy = Provisioning::builder().grant("sales", Right::permission("orders.read")).build()?;
//!
//! let auth = Auth::builder()
//!     .backend::<Password>("staff", Provisioned { verifier: directory, users: policy.on(users.clone())? })
//!     .backend::<Password>("local", users)
//!     .build()?;
//! # Ok(())
//! # }
//! ```
//!
//! `Ldap::active_directory("example.test")` knows Active Directory's base, filter and attributes.
//!
//! # Features
//! `ring`, on by default: the cryptography of TLS, unless the application passes a [`ClientConfig`](LdapBuilder::tls)
//! or installs a provider.
//!
//! The crate needs Rust 1.88 and Unix. It brings along `ldap3`, rustls and tokio.
//!
//! # How a password is verified
//! * A service account searches for the name, which must match exactly one entry. Then the user binds, on a
//!   connection that never searches. Or the user binds at once, by a DN built from the name
//!   ([`bind_dn`](LdapBuilder::bind_dn)) or by the principal name ([`bind_principal`](LdapBuilder::bind_principal)),
//!   and reads their own entry.
//! * Only a successful answer to a bind proves anything. Locked, expired and disabled accounts, and passwords that
//!   must be changed, are refused as the password policy control or Active Directory's message says. Everything else
//!   is an error, and never a wrong password. A result code about one name affects only that name. It is an outage
//!   only if the directory cannot be reached, or its root entry cannot be read either.
//! * An unknown name costs a search and a bind as well: of a random name, with a random password. The time that the
//!   directory takes to compare a password is beyond this crate's control.
//! * The identity has the directory's spelling of the name, and a subject that no rename changes. The directory
//!   compares names: `ALICE`, ` alice ` and full-width letters are one person.
//! * Groups that could not be read completely are unknown, and not fewer. They are read in pages (RFC 2696), and
//!   ranges of values that Active Directory returns are read to the last one. If a limit is exceeded, the log names
//!   it and says what to do.
//! * Referrals are never followed: the server that they lead to would receive passwords, and be trusted. People and
//!   groups that exist only on another server are not found, and the log says once that there may be some. Name a
//!   server that has all of them, such as a global catalog (`ldaps://dc1.example.test:3269`). If the base itself is
//!   elsewhere, that is an error.
//!
//! # Passwords that must be changed
//! A directory that demands a new password lets its user bind for that and nothing else. [`Ldap::change_password`]
//! does it with the password that was just refused for this reason.
//!
//! # Listing everybody
//! [`Ldap::everybody`] lists all people whom a login could let in, page by page, with what is known about each. So
//! you can see what a provisioning policy would do before anybody signs in, as `auth-admin plan-users` shows it.
//!
//! # Connections
//! TLS is always used, by `ldaps:` or by `StartTLS`, and the server's certificate is verified. A server without TLS
//! gets no request. Sockets of this machine (`ldapi:`) need none.
//! [`insecure_without_tls`](LdapBuilder::insecure_without_tls) is the exception for everything else. The application
//! chooses the cryptography: by its [`ClientConfig`](LdapBuilder::tls), by the provider that it installed for the
//! process, or else `ring`. The system's authorities are trusted, unless you [name others](LdapBuilder::authorities).
//!
//! Connections are pooled: 8 for searches, bound as the service account, and 8 for binds, each of which serves one
//! login at a time. A connection goes back only after its answer came. Servers are tried in order; a server that
//! failed is tried last for 30 s. A search is retried once, a bind never, because it may count as a wrong password.
//!
//! # Limits
//! | what | limit |
//! |---|---|
//! | a connection, with TLS and the service account's bind | 2 s ([`connect_timeout`](LdapBuilder::connect_timeout)) |
//! | an answer | 2 s ([`operation_timeout`](LdapBuilder::operation_timeout)), and 1 MiB with all its entries |
//! | all of a login | 4 s ([`timeout`](LdapBuilder::timeout)) |
//! | logins that wait for a connection | 256 |
//! | idle connections | 60 s |
//! | entries in a page | 500 ([`page_size`](LdapBuilder::page_size)) |
//! | groups of a user, values of an attribute | 10,000 ([`max_groups`](LdapBuilder::max_groups)), and 8 MiB |
//! | depth of nested groups | 16 |
//!
//! # A broken or hostile directory
//! The crate parses a server's messages strictly before the LDAP library sees them. An answer that is malformed, too
//! long, or does not match the request ends the connection and decides nothing. A server that lies in well-formed
//! messages cannot be detected: TLS keeps it away.
//!
//! # Where next
//! [`LdapBuilder`] has the settings, [`GroupSource`] the ways to find groups. [`auth_core::provisioning`] says what
//! becomes of a person in your own table; [`auth_core::AuthBuilder::confirm`] ends the sessions of people who left.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod ber;
mod builder;
mod change;
mod connection;
mod directory;
mod dn;
mod error;
mod everybody;
mod filter;
mod gathered;
mod groups;
mod ldap;
mod message;
mod paged;
mod policy;
mod pool;
mod range;
mod reader;
mod screen;
mod server;
mod settings;
mod state;
mod subject;
mod template;
mod tls;

pub use builder::LdapBuilder;
pub use change::PasswordChange;
pub use everybody::{Everybody, Listed};
pub use groups::GroupSource;
pub use ldap::Ldap;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
