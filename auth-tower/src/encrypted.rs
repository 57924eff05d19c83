//! How a server that terminates TLS itself tells the layer.

/// Marks a request, in its extensions, as one that came over TLS. Neither `http` nor axum knows that; the code that accepts
/// the connection and terminates TLS does.
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
