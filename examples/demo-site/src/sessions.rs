//! Where sessions are, if not in the database.

use std::error::Error;

use auth_redis::{RedisSessions, RedisThrottle};
use redis::Client;

use crate::auth::cannot;

/// Sessions, and what limits guessing, on the Redis server of this URL.
///
/// # Errors
/// If the URL is none, or the server cannot be reached or would evict sessions.
pub(crate) async fn in_redis(url: &str) -> Result<(RedisSessions, RedisThrottle), Box<dyn Error>> {
    if url.starts_with("rediss:") {
        // The library leaves the choice to the application. A second choice changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
    // Without the URL and the library's own words: a password may be among them.
    let client = Client::open(url).map_err(|_| "sessions need a URL like redis://:PASSWORD@HOST:PORT")?;
    let (sessions, counted) = (RedisSessions::new(client.clone())?, RedisThrottle::new(client)?);
    sessions.check().await.map_err(cannot("Redis cannot keep the sessions"))?;
    counted.check().await.map_err(cannot("Redis cannot count attempts"))?;
    Ok((sessions, counted))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is wrong with a URL is said without its password.
    #[tokio::test]
    async fn errors_tell_no_password() {
        for url in [
            "postgres://:canary@localhost",
            "redis://:canary@localhost:port",
            "canary",
            "rediss://:canary@127.0.0.1:1",
        ] {
            let error = in_redis(url).await.unwrap_err();
            assert!(!format!("{error} {error:?}").contains("canary"), "{url}: {error}");
        }
    }
}
