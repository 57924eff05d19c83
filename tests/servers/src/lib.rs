//! Real programs and servers for tests: started on the loopback interface, ended with the test, whatever happens.
//!
//! A test that fails, panics or is killed leaves nothing behind. A program that is missing is a failure that says
//! what to install; `scripts/setup` installs all of them.
//!
//! ```
//! use test_servers::Redis;
//!
//! let mut redis = Redis::new().start();
//! redis.kill();
//! redis.start_again();
//! assert!(redis.url().starts_with("redis://"));
//! ```

mod active_directory;
mod certificate;
mod guarded;
mod ldap;
mod library;
mod mariadb;
mod nginx;
mod node;
mod openldap;
mod pgbouncer;
mod port;
mod postgres;
mod process;
mod provider;
mod proxy;
mod redis;
mod server;

pub use active_directory::ActiveDirectory;
pub use certificate::Certificate;
pub use ldap::START_TLS_REFUSED;
pub use library::Library;
pub use mariadb::MariaDb;
pub use nginx::{Nginx, NginxOptions};
pub use openldap::{OpenLdap, OpenLdapOptions};
pub use pgbouncer::PgBouncer;
pub use port::Port;
pub use postgres::Postgres;
pub use process::{Ended, Process};
pub use provider::Provider;
pub use proxy::{FaultProxy, Way};
pub use redis::{Redis, RedisOptions};
pub use server::{Program, Server};
