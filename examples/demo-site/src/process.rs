//! The life of the server's process: log, socket, readiness, end.

use std::env;
use std::future::{Future, pending};
use std::io::{self, IsTerminal, Write};
use std::net::{SocketAddr, TcpListener};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Logs to standard error; `RUST_LOG` chooses what, by level and target: `warn,auth=debug`.
pub fn log_to_stderr() {
    let chosen = env::var("RUST_LOG").ok().and_then(|chosen| chosen.parse().ok());
    let targets = chosen.unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO));
    let lines =
        tracing_subscriber::fmt::layer().with_ansi(io::stderr().is_terminal()).with_writer(io::stderr);
    tracing_subscriber::registry().with(lines).with(targets).init();
}

/// The listening socket, fit for both frameworks.
///
/// # Errors
/// If the address is taken or not this machine's.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Says on standard output, in one line, that requests are now accepted and where.
///
/// # Errors
/// If standard output is closed.
pub fn announce(listener: &TcpListener) -> io::Result<()> {
    let mut output = io::stdout().lock();
    writeln!(output, "listening on http://{}", listener.local_addr()?)?;
    output.flush()
}

/// Completes when the process is asked to end: by SIGTERM, or Ctrl-C. Asked from now on, not from the first poll.
///
/// # Errors
/// If the signals cannot be listened to.
#[cfg(unix)]
pub fn shutdown() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            Some(()) = terminate.recv() => (),
            Some(()) = interrupt.recv() => (),
            else => pending().await,
        }
    })
}

/// Completes when the process is asked to end by Ctrl-C.
///
/// # Errors
/// None here.
#[cfg(not(unix))]
pub fn shutdown() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    Ok(async {
        if tokio::signal::ctrl_c().await.is_err() {
            pending::<()>().await;
        }
    })
}
