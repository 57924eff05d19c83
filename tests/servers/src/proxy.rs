//! A way to a server on which everything can go wrong.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc::{self, Receiver as Acknowledgements, Sender as Acknowledge};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch::{self, Receiver, Sender};
use tokio::time::sleep;

use crate::guarded::PATIENCE;
use crate::port::Port;

/// A TCP proxy before a server, on a port of its own. Dropping it breaks its connections.
#[derive(Debug)]
pub struct FaultProxy {
    server: u16,
    port: Port,
    way: Sender<Way>,
    /// One for each change, when it is done.
    done: Mutex<Acknowledgements<()>>,
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

/// How often another port is tried, if somebody who is no test takes a free one.
const ATTEMPTS: usize = 10;

impl FaultProxy {
    /// A proxy before the server on this port of 127.0.0.1. All passes.
    ///
    /// # Panics
    /// If no port is free.
    pub fn before(server: u16) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a thread can be started");
        let (port, listener) = (0..ATTEMPTS).find_map(|_| listen()).expect("a port is free");
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port.number()));
        let (way, changes) = watch::channel(Way::Passes);
        let (acknowledge, done) = mpsc::channel();
        runtime.spawn(accept(listener, address, server, changes, acknowledge));
        Self { server, port, way, done: Mutex::new(done), runtime: Some(runtime) }
    }

    /// Changes what becomes of connections. Whatever is said after this has returned meets the new way: nobody has
    /// to wait, and guess for how long.
    ///
    /// # Panics
    /// If the port was taken by somebody else while it refused.
    pub fn set(&self, way: Way) {
        let done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        self.way.send_replace(way);
        // On the thread of another runtime, too: the proxy has its own.
        done.recv_timeout(PATIENCE).expect("the port can be listened on again");
    }

    /// The server's URL, by way of the proxy.
    pub fn url(&self, of_server: &str) -> String {
        of_server.replace(&format!(":{}", self.server), &format!(":{}", self.port.number()))
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

/// A port on which a connection waits from now on, without waiting here: the caller may be on another runtime's
/// thread.
fn listen() -> Option<(Port, std::net::TcpListener)> {
    let port = Port::free();
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port.number())).ok()?;
    listener.set_nonblocking(true).expect("a socket can be told so");
    Some((port, listener))
}

async fn accept(
    listener: std::net::TcpListener,
    address: SocketAddr,
    server: u16,
    mut way: Receiver<Way>,
    done: Acknowledge<()>,
) {
    let mut open = TcpListener::from_std(listener).ok();
    loop {
        let near = async {
            match &open {
                Some(listener) => listener.accept().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            // First: a connection that comes after a change meets it.
            biased;
            changed = way.changed() => {
                if changed.is_err() {
                    return;
                }
                let refuses = *way.borrow_and_update() == Way::Refuses;
                open = if refuses { None } else { Some(reopened(open, address).await) };
                let _ = done.send(());
            }
            near = near => if let Ok((near, _)) = near {
                tokio::spawn(carry(near, server, way.clone()));
            },
        }
    }
}

/// The same listener, or a new one as soon as the port can be had.
async fn reopened(open: Option<TcpListener>, address: SocketAddr) -> TcpListener {
    let mut open = open;
    loop {
        if let Some(listener) = open {
            return listener;
        }
        open = TcpListener::bind(address).await.ok();
        if open.is_none() {
            sleep(Duration::from_millis(5)).await;
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
        let now = *way.borrow();
        match now {
            Way::Resets | Way::Refuses => return near.set_zero_linger(),
            Way::Swallows => return swallow(near, &far).await,
            Way::Passes | Way::Delays(_) | Way::Cuts(_) | Way::Answers(_) => {}
        }
        let (mut asked, mut said) = (None, None);
        tokio::select! {
            changed = way.changed() => match changed {
                Ok(()) => replied = 0,
                Err(_) => return Ok(()),
            },
            read = near.read(&mut request) => asked = Some(read?),
            read = far.read(&mut reply) => said = Some(read?),
        }
        // Asked only now: what was read may have been said after a change, which then counts for it.
        if way.has_changed().unwrap_or_default() {
            replied = 0;
        }
        let now = *way.borrow_and_update();
        match (now, asked, said) {
            // The next turn ends it.
            (Way::Resets | Way::Refuses | Way::Swallows, ..) | (_, None, None) => {}
            (_, Some(0), _) | (_, _, Some(0)) => return Ok(()),
            (Way::Answers(answer), Some(_), _) => near.write_all(answer).await?,
            (_, Some(n), _) => far.write_all(&request[..n]).await?,
            (Way::Cuts(after), _, Some(n)) if replied + n > after => {
                return near.write_all(&reply[..after.saturating_sub(replied)]).await;
            }
            (_, _, Some(n)) => {
                if let Way::Delays(time) = now {
                    sleep(time).await;
                }
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
