//! A way to a server on which everything can go wrong.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch::{self, Receiver, Sender};
use tokio::time::sleep;

use crate::server::free_port;

/// A TCP proxy before a server, on a port of its own. Dropping it breaks its connections.
#[derive(Debug)]
pub struct FaultProxy {
    server: u16,
    port: u16,
    way: Sender<Way>,
    /// `None` while it is dropped.
    runtime: Option<Runtime>,
}

/// What becomes of connections, those that are open as well as new ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// They reach the server.
    Passes,
    /// Nobody listens, and open ones are reset.
    Refuses,
    /// Each part of a reply is late by this much.
    Delays(Duration),
    /// Replies end after this many bytes, and the connection with them.
    Cuts(usize),
    /// Nothing comes back, and nobody says so. They stay dead when others pass again, as behind a firewall that
    /// has forgotten them.
    Swallows,
    /// They are reset.
    Resets,
    /// The server is asked nothing. Whatever is asked, this is the answer.
    Answers(&'static [u8]),
}

impl FaultProxy {
    /// A proxy before the server on this port of 127.0.0.1. All passes.
    ///
    /// # Panics
    /// If no port is free.
    pub fn before(server: u16) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a thread can be started");
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        // Listens when this returns, without waiting: the caller may be on another runtime's thread.
        let listener = std::net::TcpListener::bind(address).expect("the port was free just now");
        listener.set_nonblocking(true).expect("a socket can be told so");
        let (way, changes) = watch::channel(Way::Passes);
        runtime.spawn(accept(listener, address, server, changes));
        Self { server, port: address.port(), way, runtime: Some(runtime) }
    }

    /// Changes what becomes of connections.
    pub fn set(&self, way: Way) {
        self.way.send_replace(way);
    }

    /// The server's URL, by way of the proxy.
    pub fn url(&self, of_server: &str) -> String {
        of_server.replace(&format!(":{}", self.server), &format!(":{}", self.port))
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        // Also on another runtime's thread, which must not wait.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn accept(listener: std::net::TcpListener, address: SocketAddr, server: u16, mut way: Receiver<Way>) {
    let mut open = TcpListener::from_std(listener).ok();
    loop {
        let refuses = *way.borrow_and_update() == Way::Refuses;
        if refuses {
            open = None;
        } else if open.is_none() {
            open = TcpListener::bind(address).await.ok();
        }
        tokio::select! {
            changed = way.changed() => if changed.is_err() { return },
            near = next(open.as_ref(), refuses) => if let Some(near) = near {
                tokio::spawn(carry(near, server, way.clone()));
            },
        }
    }
}

/// The next connection; `None` to try again, if the port could not be had yet.
async fn next(listener: Option<&TcpListener>, refuses: bool) -> Option<TcpStream> {
    match listener {
        Some(listener) => listener.accept().await.ok().map(|(near, _)| near),
        None if refuses => std::future::pending().await,
        None => {
            sleep(Duration::from_millis(5)).await;
            None
        }
    }
}

/// Carries what is said on one connection, as long as the way is a way.
async fn carry(mut near: TcpStream, server: u16, mut way: Receiver<Way>) -> io::Result<()> {
    let mut far = TcpStream::connect((Ipv4Addr::LOCALHOST, server)).await?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    let (mut request, mut reply) = (vec![0; 16_384], vec![0; 16_384]);
    let mut replied = 0;
    loop {
        let now = *way.borrow_and_update();
        match now {
            Way::Resets | Way::Refuses => return near.set_zero_linger(),
            Way::Swallows => return swallow(near, &far).await,
            Way::Passes | Way::Delays(_) | Way::Cuts(_) | Way::Answers(_) => {}
        }
        tokio::select! {
            changed = way.changed() => match changed {
                Ok(()) => replied = 0,
                Err(_) => return Ok(()),
            },
            read = near.read(&mut request) => match (read?, now) {
                (0, _) => return Ok(()),
                (_, Way::Answers(answer)) => near.write_all(answer).await?,
                (n, _) => far.write_all(&request[..n]).await?,
            },
            read = far.read(&mut reply) => {
                let n = match (read?, now) {
                    (0, _) => return Ok(()),
                    (n, Way::Cuts(after)) if replied + n > after => {
                        return near.write_all(&reply[..after.saturating_sub(replied)]).await;
                    }
                    (n, Way::Delays(time)) => {
                        sleep(time).await;
                        n
                    }
                    (n, _) => n,
                };
                replied += n;
                near.write_all(&reply[..n]).await?;
            }
        }
    }
}

/// Reads and answers nothing until the client goes. The server is not told.
async fn swallow(mut near: TcpStream, _far: &TcpStream) -> io::Result<()> {
    let mut lost = [0; 1_024];
    while near.read(&mut lost).await? > 0 {}
    Ok(())
}
