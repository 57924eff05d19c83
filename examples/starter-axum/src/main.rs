use std::{error::Error, net::SocketAddr};

use starter_axum::{Config, Site, router};
use tokio::{net::TcpListener, signal::unix::{SignalKind, signal}};
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).init();

    let config = Config::from_env()?;
    let app = router(Site::open(&config).await?)?;
    let listener = TcpListener::bind(config.address).await?;
    println!("http://{}", listener.local_addr()?);
    // The throttle counts by the client's address.
    let service = app.into_make_service_with_connect_info::<SocketAddr>();
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let stop = async move { tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} } };
    axum::serve(listener, service).with_graceful_shutdown(stop).await?;
    Ok(())
}
