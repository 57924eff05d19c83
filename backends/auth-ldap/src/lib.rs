//! Passwords that an LDAP directory judges, for [`auth_core`]: `OpenLDAP`, 389 Directory Server, Active Directory.
//!
//! [`Ldap`] is a [`Verifier<Password>`](auth_core::backend::Verifier): it proves who somebody is, and a policy says what becomes
//! of that in the application's own table. It is also a [`Confirm`](auth_core::backend::Confirm): it says whether somebody who
//! is signed in still may be.
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
//! For Active Directory `Ldap::active_directory("example.test")` knows base, filter and attributes.
//!
//! # How a password is judged
//! * A service account searches for the name, which must be that of exactly one entry; then the user binds, on a
//!   connection that never searches. Or the user binds at once, by a DN that is made of the name
//!   ([`bind_dn`](LdapBuilder::bind_dn)) or by the principal name ([`bind_principal`](LdapBuilder::bind_principal)),
//!   and reads the own entry.
//! * Only a bind that is answered by a bind's success proves anything. Locked, expired and disabled accounts, and
//!   passwords that must be changed, are refused, as the password policy control or Active Directory's text says.
//!   Everything else could not be decided, and is never a wrong password. A result code about one name is about that
//!   name: an outage is what cannot be reached, or whose root entry cannot be read either.
//! * A name that nobody has costs a search and a bind, too: of a random name, with a random password. What the
//!   directory itself takes to compare a password is the directory's affair.
//! * The identity has the directory's spelling of the name, and a subject that no rename changes. Names are compared
//!   by the directory: `ALICE`, ` alice ` and full-width letters are one person.
//! * Groups that could not be read completely are unknown, and not fewer. They are asked for in pages (RFC 2696), and values
//!   that Active Directory gives in ranges until the last; a limit that is met has its name in the log, with what to do.
//! * Referrals are never followed: whoever they lead to would be told passwords, and believed. People and groups that only
//!   another server has are not found, and the log says once that there may be some; ask a server that has all of them,
//!   such as a global catalog (`ldaps://dc1.example.test:3269`). If the base itself is elsewhere, that is an error.
//!
//! # Passwords that must be changed
//! A directory that says so lets its user bind for that and nothing else. [`Ldap::change_password`] does it, by the password that was just
//! refused for this reason, and by no other.
//!
//! # Everybody
//! [`Ldap::everybody`] goes through all people whom a login could let in, by pages, with what is known of each: what a
//! provisioning policy would do can so be seen before anybody signs in, as `auth-admin plan-users` shows it.
//!
//! # Connections
//! TLS is always used, by `ldaps:` or by `StartTLS`, with the server's certificate verified; a server that does not do it
//! is not asked anything. Sockets of this machine (`ldapi:`) need none.
//! [`insecure_without_tls`](LdapBuilder::insecure_without_tls) is for everything else. Which cryptography TLS uses is
//! the application's choice: its [`ClientConfig`](LdapBuilder::tls), the provider that it installed for the process, or
//! else `ring` (a feature, on by default). Authorities are those that the system trusts, unless
//! [named](LdapBuilder::authorities).
//!
//! Connections are kept: 8 for searches, which are the service account's, and 8 for binds, each of which serves one login
//! at a time. A connection goes back only after its answer came. Servers are asked in their order; one that failed is
//! asked last for 30 s. A search is tried again once, a bind never: each may count as a wrong password.
//!
//! # Bounds
//! | what | bound |
//! |---|---|
//! | a connection, with TLS and the service account's bind | 2 s ([`connect_timeout`](LdapBuilder::connect_timeout)) |
//! | an answer | 2 s ([`operation_timeout`](LdapBuilder::operation_timeout)), and 1 MiB with all its entries |
//! | all of a login | 4 s ([`timeout`](LdapBuilder::timeout)) |
//! | logins that wait for a connection | 256 |
//! | idle connections | 60 s |
//! | entries in a page | 500 ([`page_size`](LdapBuilder::page_size)) |
//! | groups of somebody, values of an attribute | 10,000 ([`max_groups`](LdapBuilder::max_groups)), and 8 MiB |
//! | depth of groups in groups | 16 |
//!
//! # A directory that is broken, or hostile
//! What a server says is read strictly before the LDAP library sees it: an answer that is malformed, too long, or not one
//! to what was asked ends the connection, and decides nothing. A server that lies in good form cannot be told from one that
//! says the truth: TLS is what keeps it away.
//!
//! This crate is for Unix.
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
