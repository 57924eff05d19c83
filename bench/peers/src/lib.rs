//! Peers of the benchmark that are not linked beside the others: `auth-bench` starts the programs of this package.

mod axess;
mod axess_users;
mod jwt;

use std::process::ExitCode;

use auth_bench::{MakingRouter, Peer};

/// Does what `auth-bench` asks for.
pub fn main() -> ExitCode {
    auth_bench::main_with_peers(router)
}

fn router(peer: Peer) -> MakingRouter {
    match peer {
        Peer::Axess(users) => Box::pin(async { axess::router(users) }),
        Peer::JwtAuthorizer(signed) => Box::pin(jwt::jwt_authorizer(signed)),
        Peer::OAuth2ResourceServer(signed) => Box::pin(jwt::oauth2_resource_server(signed)),
    }
}
