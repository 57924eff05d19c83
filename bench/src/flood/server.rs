//! The servers that are flooded: all settings at their defaults, real password hashes.

use std::io::BufRead;
use std::net::TcpListener;
use std::thread;

use auth_core::session::{KeyRing, MemorySessions};
use auth_core::{Auth, ConfigError, MemoryBackend, Password, Passwords, Secret, SessionConfig};
use axum::Router;
use axum::http::{StatusCode, header};
use axum::routing::{get, post};
use clap::{Args, ValueEnum};
use tower_sessions::MemoryStore;

use super::PASSWORD;
use super::raw::RawHashes;
use crate::person::Person;
use crate::sites::{PeerUsers, axum_login};

#[derive(Args)]
pub(crate) struct Serve {
    #[arg(value_enum)]
    pub(crate) site: Site,
    /// Answers every login as if the queue were full, and hashes on this many threads instead.
    #[arg(long)]
    pub(crate) raw: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Site {
    /// This library on axum.
    Axum,
    /// The same, hashing on all cores at a low priority.
    AxumLow,
    /// This library on actix-web.
    Actix,
    /// axum-login with its memory store, hashing in `spawn_blocking` as its examples do; everybody's password is right.
    AxumLogin,
}

/// What a full queue answers.
const BUSY: (StatusCode, [(header::HeaderName, &str); 1]) =
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "5")]);

/// Serves until standard input ends; prints the port, and how many raw hashes were made whenever asked.
pub(crate) fn serve(options: &Serve) -> Result<(), String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
    listener.set_nonblocking(true).map_err(|error| error.to_string())?;
    println!("{}", listener.local_addr().map_err(|error| error.to_string())?.port());
    let raw = options.raw.map(RawHashes::start);
    let is_raw = raw.is_some();
    thread::spawn(move || {
        for _ in std::io::stdin().lock().lines() {
            println!("{}", raw.as_ref().map_or(0, RawHashes::made));
        }
        std::process::exit(0);
    });
    match options.site {
        Site::Axum => on_axum(listener, async move { axum_site(auth(Passwords::new()).await, is_raw) }),
        Site::AxumLow => on_axum(listener, async move {
            axum_site(auth(Passwords::builder().low_priority().build()).await, is_raw)
        }),
        Site::AxumLogin => on_axum(listener, async {
            axum_login::router(MemoryStore::default(), PeerUsers::memory_with_real_hash())
        }),
        Site::Actix => on_actix(listener, is_raw),
    }
    .map_err(|error| error.to_string())
}

fn on_axum(listener: TcpListener, site: impl Future<Output = Router>) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        axum::serve(listener, site.await).await
    })
}

fn axum_site(auth: Auth<Person>, is_raw: bool) -> Router {
    let login = if is_raw { post(async || BUSY) } else { post(log_in_axum) };
    Router::new()
        .route("/static", get(async || "static"))
        .route("/login", login)
        .layer(auth_tower::AuthLayer::new(auth))
}

async fn log_in_axum(
    session: auth_tower::Session<Person>,
    body: String,
) -> Result<&'static str, auth_tower::Error> {
    let authenticated = session.authenticate(credentials(&body)).await?;
    let _ = session.login(authenticated).await?;
    Ok("welcome")
}

fn on_actix(listener: TcpListener, is_raw: bool) -> std::io::Result<()> {
    use actix_web::{App, HttpResponse, HttpServer, web};

    actix_web::rt::System::new().block_on(async {
        let auth = auth(Passwords::new()).await;
        let site = move || {
            let busy =
                async || HttpResponse::ServiceUnavailable().insert_header(("retry-after", "5")).finish();
            let login = if is_raw { web::post().to(busy) } else { web::post().to(log_in_actix) };
            App::new()
                .wrap(auth_actix::AuthLayer::new(auth.clone()))
                .route("/static", web::get().to(async || "static"))
                .route("/login", login)
        };
        HttpServer::new(site).listen(listener)?.run().await
    })
}

async fn log_in_actix(
    session: auth_actix::Session<Person>,
    body: String,
) -> Result<&'static str, auth_actix::Error> {
    let authenticated = session.authenticate(credentials(&body)).await?;
    let _ = session.login(authenticated).await?;
    Ok("welcome")
}

fn credentials(body: &str) -> Password {
    let (username, password) = body.split_once(':').unwrap_or_default();
    Password::new(username, password)
}

async fn auth(passwords: Result<Passwords, ConfigError>) -> Auth<Person> {
    let users = MemoryBackend::new(passwords.expect("hash threads"));
    users.insert("alice", &Secret::new(PASSWORD), Person::numbered(1)).await.expect("alice");
    let keys = KeyRing::generate().expect("a key");
    Auth::builder()
        .backend::<Password>("local", users)
        .sessions(MemorySessions::new(1_000_000), SessionConfig::new(keys))
        .login_page("/login")
        .build()
        .expect("a configuration that can be right")
}
