//! axess with its sessions in memory, as its documentation sets it up: a session layer around the router, and a
//! service that logs in over the application's own users.

use std::sync::Arc;

use auth_bench::{ALICE, PASSWORD, PeerUsers};
use axess::authn::{AuditContext, AuthnService, FactorCredential, FactorKind, FactorOutcome, LoginOutcome};
use axess::{AuthSession, MemorySessionStore, SessionLayer, require_authn};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};

use crate::axess_users::{TENANT, Users, row};

/// What the handlers share.
struct Site {
    users: PeerUsers,
    service: AuthnService<Users, Users>,
}

/// # Errors
/// If the system has no random bytes.
pub(crate) fn router(users: PeerUsers) -> Result<Router, String> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(|error| error.to_string())?;
    // The defaults: a `Secure`, `HttpOnly`, `SameSite=Lax` cookie that is signed, sessions of 24 hours, and neither a
    // registry of sessions nor a binding to the browser.
    let sessions = SessionLayer::new(MemorySessionStore::new(), key);
    let service = AuthnService::from_backend(Users::new(users.clone()));
    let router = Router::new()
        .route("/static", get(|| async { String::from("static") }))
        .route("/open", get(open))
        .route("/me", get(me))
        // Without a login page it answers 401, as the others do.
        .route("/guarded", get(me).route_layer(require_authn!()))
        .route("/login", post(login))
        .with_state(Arc::new(Site { users, service }))
        .layer(sessions);
    Ok(router)
}

impl Site {
    /// A session knows the caller's number alone.
    async fn caller(&self, session: &AuthSession) -> Option<String> {
        let id = session.user_id().await?;
        let user = self.users.by_id(row(&id)).await.ok()??;
        Some(String::from(&*user.name))
    }
}

async fn open(State(site): State<Arc<Site>>, session: AuthSession) -> String {
    site.caller(&session).await.unwrap_or_else(|| "anonymous".to_owned())
}

async fn me(State(site): State<Arc<Site>>, session: AuthSession) -> Result<String, StatusCode> {
    site.caller(&session).await.ok_or(StatusCode::UNAUTHORIZED)
}

async fn login(
    State(site): State<Arc<Site>>,
    session: AuthSession,
    context: AuditContext,
) -> Result<&'static str, StatusCode> {
    let service = site.service.with_audit_context(context);
    let begun = service.begin_login(ALICE, TENANT, &session).await;
    let LoginOutcome::FactorRequired(FactorKind::Password) =
        begun.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?
    else {
        return Err(StatusCode::UNAUTHORIZED);
    };
    let password = FactorCredential::Password(PASSWORD.to_owned().into());
    match service.verify_factor(&password, &session).await {
        Ok(FactorOutcome::Authenticated) => Ok("welcome"),
        Ok(_) => Err(StatusCode::UNAUTHORIZED),
        Err(_) => Err(StatusCode::INTERNAL_SERVER_ERROR),
    }
}
