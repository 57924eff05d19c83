//! The sites that a program of its own links: see `bench/peers`.

use std::pin::Pin;

use axum::Router;

use crate::sites::{PeerUsers, Signed};

/// A site, with what it needs.
#[derive(Clone)]
pub enum Peer {
    /// axess, over these users.
    Axess(PeerUsers),
    /// jwt-authorizer, for tokens of this issuer.
    JwtAuthorizer(&'static Signed),
    /// tower-oauth2-resource-server, for tokens of this issuer.
    OAuth2ResourceServer(&'static Signed),
}

/// A router that is being made.
pub type MakingRouter = Pin<Box<dyn Future<Output = Result<Router, String>> + Send>>;

/// Makes the sites, in the program that links them.
pub(crate) type Linked = fn(Peer) -> MakingRouter;
