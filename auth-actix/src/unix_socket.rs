//! What a server that listens on a Unix socket tells the middleware.

use std::any::Any;

use actix_web::dev::Extensions;

/// In a connection's data: it came through a Unix socket. A request does not show it; the server knows when it accepts
/// the connection.
///
/// [`RemoteUserHeader::trusted_unix_socket`](auth_core::remote_user::RemoteUserHeader::trusted_unix_socket) and
/// `unix:` as a [trusted proxy](auth_core::AuthBuilder::trusted_proxy) need it. Not by `bind_uds`: in actix-web 4.18 that
/// one does not call `on_connect`.
///
/// ```
/// # #[cfg(unix)]
/// # async fn run() -> std::io::Result<()> {
/// use std::os::unix::net::UnixListener;
///
/// use actix_web::{App, HttpServer};
/// use auth_actix::UnixSocket;
///
/// let server = HttpServer::new(|| App::new()).on_connect(UnixSocket::note);
/// server.listen_uds(UnixListener::bind("/run/app.sock")?)?.run().await
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct UnixSocket;

impl UnixSocket {
    /// Notes it in the data of a connection that is one. For
    /// [`HttpServer::on_connect`](actix_web::HttpServer::on_connect); ports of the same server are told apart.
    pub fn note(connection: &dyn Any, data: &mut Extensions) {
        #[cfg(unix)]
        if connection.is::<actix_web::rt::net::UnixStream>() {
            data.insert(Self);
        }
        #[cfg(not(unix))]
        let _ = (connection, data);
    }
}
