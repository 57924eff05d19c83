//! Serves one site over loopback, in a process of its own.

use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr};

use actix_web::{App, HttpServer};
use tokio::net::TcpListener;

use crate::sites::{self, Entry, Framework, Place, Site, Visit};

/// Serves until standard input ends: a server does not outlive the program that started it. The first line that
/// it prints is its address.
///
/// # Errors
/// If the site cannot be built or served.
pub(crate) fn run(site: Site, workers: usize, place: &Place) -> Result<(), String> {
    std::thread::spawn(|| {
        // What comes does not matter, and neither does why it ended.
        _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    match site.framework() {
        Framework::Axum => {
            let mut runtime = tokio::runtime::Builder::new_multi_thread();
            let runtime = runtime.worker_threads(workers).enable_all().build();
            runtime.map_err(|error| error.to_string())?.block_on(axum(site, place))
        }
        Framework::Actix => {
            actix_web::rt::System::new().block_on(sites::app(site, place, Server { workers }))?
        }
    }
}

fn tell(address: SocketAddr) {
    println!("{address}");
}

async fn axum(site: Site, place: &Place) -> Result<(), String> {
    let router = sites::router(site, place).await?;
    // A task of its own: what `block_on` runs is not on the worker threads.
    let served = tokio::spawn(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        tell(listener.local_addr()?);
        axum::serve(listener, router).await
    });
    served.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
}

struct Server {
    workers: usize,
}

impl Visit for Server {
    type Output = Result<(), String>;

    async fn visit<E: Entry>(self, app: impl Fn() -> App<E> + Clone + Send + 'static) -> Self::Output {
        let server = HttpServer::new(app).workers(self.workers).bind((Ipv4Addr::LOCALHOST, 0));
        let server = server.map_err(|error| error.to_string())?;
        server.addrs().into_iter().for_each(tell);
        server.run().await.map_err(|error| error.to_string())
    }
}
