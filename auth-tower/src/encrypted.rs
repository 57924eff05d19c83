//! What a server that ends TLS itself tells the layer.

/// In a request's extensions: it came over TLS, which ends in this process. Neither `http` nor axum says so; whoever
/// accepts the connection knows.
///
/// Without it, only a [trusted proxy](auth_core::AuthBuilder::trusted_proxy) or a peer on this machine makes
/// [`Basic`](auth_core::http::Basic) accept a password.
///
/// ```
/// use auth_tower::Encrypted;
/// use axum::{Extension, Router};
///
/// # let app: Router = Router::new();
/// // Around the `AuthLayer`, in a server that listens with TLS only:
/// let app = app.layer(Extension(Encrypted));
/// # drop(app);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Encrypted;
