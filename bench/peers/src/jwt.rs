//! jwt-authorizer and tower-oauth2-resource-server, with the issuer's keys given to them.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Extension;
use axum::http::{Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::Router;
use auth_bench::{AUDIENCE, ISSUER, Signed};
use jwt_authorizer::{Authorizer, JwtAuthorizer, RegisteredClaims, Validation};
use tower_http::auth::AsyncRequireAuthorizationLayer;
use tower_oauth2_resource_server::claims::DefaultClaims;
use tower_oauth2_resource_server::server::OAuth2ResourceServer;
use tower_oauth2_resource_server::tenant::TenantConfiguration;
use tower_oauth2_resource_server::validation::ClaimsValidationSpec;


/// Its layer is made for axum 0.7: here the part of it that judges is behind tower-http's layer.
///
/// # Errors
/// If the keys are none.
pub(crate) async fn jwt_authorizer(signed: &Signed) -> Result<Router, String> {
    let validation = Validation::new().iss(&[ISSUER]).aud(&[AUDIENCE]);
    let authorizer = JwtAuthorizer::<RegisteredClaims>::from_jwks_text(&signed.jwks).validation(validation);
    let authorizer = Arc::new(authorizer.build().await.map_err(|error| error.to_string())?);
    let layer = AsyncRequireAuthorizationLayer::new(move |request| {
        let authorizer = Arc::clone(&authorizer);
        async move { authorize(request, &authorizer).await.ok_or_else(refused) }
    });
    Ok(Router::new().route("/me", get(subject)).route_layer(layer))
}

async fn authorize(
    mut request: Request<Body>,
    authorizer: &Authorizer<RegisteredClaims>,
) -> Option<Request<Body>> {
    let token = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")?;
    let token = authorizer.check_auth(token).await.ok()?;
    request.extensions_mut().insert(token.claims);
    Some(request)
}

fn refused() -> Response {
    StatusCode::UNAUTHORIZED.into_response()
}

async fn subject(Extension(claims): Extension<RegisteredClaims>) -> Result<String, StatusCode> {
    claims.sub.ok_or(StatusCode::UNAUTHORIZED)
}

/// # Errors
/// If the keys are none.
pub(crate) async fn oauth2_resource_server(signed: &Signed) -> Result<Router, String> {
    // What it recommends, but for `nbf`, which it would have every token say.
    let validation = ClaimsValidationSpec::new().exp(true).iss(ISSUER).aud(&vec![AUDIENCE.to_owned()]);
    let tenant = TenantConfiguration::static_builder(signed.jwks.as_str()).claims_validation(validation);
    let tenant = tenant.build().map_err(|error| error.to_string())?;
    let server = <OAuth2ResourceServer>::builder().add_tenant(tenant).build().await;
    let layer = server.map_err(|error| error.to_string())?.into_layer();
    Ok(Router::new().route("/me", get(own_subject)).layer(layer))
}

async fn own_subject(Extension(claims): Extension<DefaultClaims>) -> Result<String, StatusCode> {
    claims.sub.ok_or(StatusCode::UNAUTHORIZED)
}
