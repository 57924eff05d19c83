//! Pooled connections: those that search, and those on which users bind.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use auth_core::Secret;
use deadpool::managed::{self, Metrics, Object, PoolError, RecycleError, RecycleResult};

use crate::connection::Connection;
use crate::error::Failure;
use crate::policy::{Judged, judge};
use crate::server::Servers;

/// How many requests may wait for a connection.
const MAX_WAITING: usize = 256;
/// How long a connection may be idle before it is no longer trusted: firewalls silently drop idle connections.
const MAX_IDLE: Duration = Duration::from_secs(60);

/// The account as which connections are bound before they are lent.
#[derive(Clone)]
pub(crate) enum Account {
    Nobody,
    Service { dn: String, password: Secret },
}

pub(crate) struct Manager {
    servers: Arc<Servers>,
    account: Account,
}

/// Interchangeable connections.
pub(crate) struct Pool(managed::Pool<Manager>);

/// A lent connection. It goes back only if no answer is outstanding: the request may have been cancelled.
pub(crate) struct Lent(Option<Object<Manager>>);

impl Pool {
    pub(crate) fn new(servers: Arc<Servers>, account: Account, size: usize) -> Self {
        let builder = managed::Pool::builder(Manager { servers, account }).max_size(size);
        // Without time limits it needs no runtime and cannot fail to be built.
        Self(builder.build().unwrap_or_else(|error| unreachable!("{error}")))
    }

    pub(crate) async fn get(&self) -> Result<Lent, Failure> {
        if self.0.status().waiting >= MAX_WAITING {
            return Err(Failure::crowded("too many requests wait for a connection to the directory"));
        }
        match self.0.get().await {
            Ok(connection) => Ok(Lent(Some(connection))),
            Err(PoolError::Backend(failure)) => Err(failure),
            Err(_) => Err(Failure::refused("no connection to the directory is available")),
        }
    }

    /// A connection like the pooled ones that does not belong to the pool.
    pub(crate) async fn dial(&self) -> Result<Connection, Failure> {
        managed::Manager::create(self.0.manager()).await
    }
}

impl managed::Manager for Manager {
    type Type = Connection;
    type Error = Failure;

    async fn create(&self) -> Result<Connection, Failure> {
        self.servers.connect(|connection| bound(connection, &self.account)).await
    }

    async fn recycle(&self, connection: &mut Connection, metrics: &Metrics) -> RecycleResult<Failure> {
        if connection.is_usable() && metrics.last_used() < MAX_IDLE {
            return Ok(());
        }
        Err(RecycleError::message("the connection is not usable any more"))
    }
}

async fn bound(mut connection: Connection, account: &Account) -> Result<Connection, Failure> {
    if let Account::Service { dn, password } = account {
        let answer = connection.bind(dn, password).await?;
        if judge(&answer)? != Judged::Proven {
            tracing::error!(target: "auth", "the directory refuses the service account");
            return Err(Failure::refused("the directory refuses the service account"));
        }
    }
    Ok(connection)
}

impl Deref for Lent {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.0.as_deref().unwrap_or_else(|| unreachable!("it is there until it is dropped"))
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut Connection {
        self.0.as_deref_mut().unwrap_or_else(|| unreachable!("it is there until it is dropped"))
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take_if(|connection| connection.waits()) {
            drop(Object::take(connection));
        }
    }
}
