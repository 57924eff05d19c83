//! Passwords that an LDAP directory judges, for [`auth_core`].

mod ber;
mod builder;
mod connection;
mod directory;
mod dn;
mod error;
mod filter;
mod groups;
mod ldap;
mod message;
mod policy;
mod pool;
mod screen;
mod server;
mod settings;
mod state;
mod subject;
mod template;
mod tls;

pub use builder::LdapBuilder;
pub use groups::GroupSource;
pub use ldap::Ldap;
