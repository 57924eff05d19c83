use std::error::Error;

use actix_web::HttpServer;
use starter_actix::{Config, Site, app};
use tracing_subscriber::EnvFilter;

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).init();

    let config = Config::from_env()?;
    let site = Site::open(&config).await?;
    // It ends at SIGTERM, when the open requests are answered.
    let server = HttpServer::new(move || app(site.clone())).bind(config.address)?;
    server.addrs().iter().for_each(|address| println!("http://{address}"));
    server.run().await?;
    Ok(())
}
