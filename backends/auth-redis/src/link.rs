//! The connection to the server, or to a cluster.

use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use auth_core::ConfigError;
use auth_core::session::StoreError;
#[cfg(feature = "cluster")]
use redis::aio::ConnectionLike;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, Cmd, ErrorKind, RedisError, RedisResult, ServerErrorKind, Value};

use crate::error::store_error;
use crate::scripts::{Argument, Script};

/// Shorter than the limits of sessions, so that the link is what times out.
const ANSWER_WITHIN: Duration = Duration::from_millis(750);
const CONNECT_WITHIN: Duration = Duration::from_millis(750);

/// A shared connection that is reopened when it breaks.
pub(crate) enum Link {
    Single(Box<Single>),
    #[cfg(feature = "cluster")]
    Cluster(redis::cluster_async::ClusterConnection),
}

pub(crate) struct Single {
    client: Client,
    current: RwLock<Numbered>,
}

/// A connection, and how many were replaced before it.
#[derive(Clone)]
struct Numbered {
    connection: ConnectionManager,
    number: u64,
}

impl Link {
    pub(crate) fn single(client: Client) -> Result<Self, ConfigError> {
        let connection = connection(&client).map_err(|error| refused(&error))?;
        let current = RwLock::new(Numbered { connection, number: 0 });
        Ok(Self::Single(Box::new(Single { client, current })))
    }

    #[cfg(feature = "cluster")]
    pub(crate) async fn cluster(client: &redis::cluster::ClusterClient) -> Result<Self, StoreError> {
        let config = redis::cluster::ClusterConfig::new()
            .set_connection_timeout(CONNECT_WITHIN)
            .set_response_timeout(ANSWER_WITHIN);
        let connection = client.get_async_connection_with_config(config).await;
        connection.map(Self::Cluster).map_err(|error| store_error(&error))
    }

    /// Runs a script.
    pub(crate) async fn run(
        &self,
        script: &Script,
        key: &[u8],
        arguments: &[Argument<'_>],
    ) -> Result<Value, StoreError> {
        let mut answer = self.send(&script.by_hash(key, arguments)).await;
        // If the server was gone and is back, the first call that notices gets no error.
        if script.repeatable && answer.as_ref().is_err_and(RedisError::is_connection_dropped) {
            answer = self.send(&script.by_hash(key, arguments)).await;
        }
        // A restarted server knows no scripts.
        if answer.as_ref().is_err_and(|error| error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)) {
            answer = self.send(&script.by_text(key, arguments)).await;
        }
        answer.map_err(|error| store_error(&error))
    }

    /// Sends any other command. All commands of this crate may be sent twice.
    pub(crate) async fn ask(&self, command: &Cmd) -> Result<Value, StoreError> {
        let mut answer = self.send(command).await;
        if answer.as_ref().is_err_and(RedisError::is_connection_dropped) {
            answer = self.send(command).await;
        }
        answer.map_err(|error| store_error(&error))
    }

    async fn send(&self, command: &Cmd) -> RedisResult<Value> {
        let answer = match self {
            Self::Single(single) => single.send(command).await,
            #[cfg(feature = "cluster")]
            Self::Cluster(connection) => connection.clone().req_packed_command(command).await,
        };
        answer.and_then(Value::extract_error)
    }
}

impl Single {
    async fn send(&self, command: &Cmd) -> RedisResult<Value> {
        let Numbered { mut connection, number } =
            self.current.read().unwrap_or_else(PoisonError::into_inner).clone();
        let answer = connection.send_packed_command(command).await;
        if answer.as_ref().is_err_and(|error| error.is_timeout() || !error.is_io_error()) {
            self.replace(number);
        }
        answer
    }

    /// Replaces a connection that no longer responds, since it may be dead without having been closed, or one that
    /// failed to open for another reason than the network, which the library would never retry.
    fn replace(&self, number: u64) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        // Others may have waited for the same connection.
        if current.number == number
            && let Ok(connection) = connection(&self.client)
        {
            *current = Numbered { connection, number: number + 1 };
        }
    }
}

/// A connection that is opened when it is first used, and at the next use after it broke: while the server is away,
/// each use notices at once.
fn connection(client: &Client) -> RedisResult<ConnectionManager> {
    let config = ConnectionManagerConfig::new()
        .set_connection_timeout(Some(CONNECT_WITHIN))
        .set_response_timeout(Some(ANSWER_WITHIN))
        .set_number_of_retries(0)
        .set_pipeline_buffer_size(1_024);
    ConnectionManager::new_lazy_with_config(client.clone(), config)
}

fn refused(error: &RedisError) -> ConfigError {
    ConfigError::new(format!("the Redis client cannot be used: {}", error.category()))
}
