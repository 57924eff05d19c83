//! What the environment says.

use std::{env::var, net::SocketAddr};

use auth_core::Secret;

#[derive(Clone, Debug)]
pub struct Config {
    pub address: SocketAddr,
    pub database_url: String,
    /// The keys of cookies are made from it. Every instance has the same one.
    pub session_secret: Secret,
    /// Where browsers see the site, such as `https://shop.example.com`: behind a proxy that changes `Host`.
    pub origin: Option<String>,
    /// The proxies in front, whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.
    pub trusted_proxies: Vec<String>,
}

impl Config {
    pub fn from_env() -> Result<Self, String> {
        let need = |name: &str, fix: &str| var(name).map_err(|_| format!("{name} is not set: {fix}"));
        let (address, proxies) = (var("ADDRESS"), var("TRUSTED_PROXIES").unwrap_or_default());
        let address = address.unwrap_or_else(|_| "127.0.0.1:3000".into());
        Ok(Self {
            address: address.parse().map_err(|_| format!("ADDRESS is no address and port: {address}"))?,
            database_url: need("DATABASE_URL", "for instance sqlite:site.db?mode=rwc")?,
            session_secret: Secret::new(need("SESSION_SECRET", "`openssl rand -base64 32` makes one")?),
            origin: var("PUBLIC_ORIGIN").ok(),
            trusted_proxies: proxies.split(',').map(str::trim).filter(|one| !one.is_empty()).map(Into::into).collect(),
        })
    }
}
