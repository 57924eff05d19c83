//! What a server that listens on a Unix socket tells the layer.

/// Marks a request, in its extensions, as one that came through a Unix socket. Neither `http` nor axum knows that; the code
/// that accepts the connection does.
///
/// [`RemoteUserHeader::trusted_unix_socket`](auth_core::remote_user::RemoteUserHeader::trusted_unix_socket) and
/// `unix:` as a [trusted proxy](auth_core::AuthBuilder::trusted_proxy) need it. A server that listens on a port as well
/// must not say it there: a request that shows the address of a peer did not come that way, whatever its extensions hold.
///
/// ```
/// use auth_tower::UnixSocket;
/// use axum::{Extension, Router};
///
/// # let app: Router = Router::new();
/// // Around the `AuthLayer`, for `axum::serve` on a `UnixListener`:
/// let app = app.layer(Extension(UnixSocket));
/// # drop(app);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct UnixSocket;
