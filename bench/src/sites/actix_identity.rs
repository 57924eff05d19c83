//! actix-identity with actix-session, as the crate's documentation sets them up.

use actix_identity::{Identity, IdentityMiddleware};
use actix_session::SessionMiddleware;
use actix_session::storage::SessionStore;
use actix_web::cookie::Key;
use actix_web::error::{ErrorInternalServerError, ErrorUnauthorized};
use actix_web::{App, Error, HttpMessage, HttpRequest, web};

use super::{ALICE, Entry, PASSWORD, PeerUser, PeerUsers};

/// What the workers share.
#[derive(Clone)]
pub(crate) struct Identities {
    users: PeerUsers,
    key: Key,
}

impl Identities {
    pub(crate) fn new(users: PeerUsers) -> Self {
        Self { users, key: Key::generate() }
    }
}

/// The site over any session store.
pub(crate) fn app(store: impl SessionStore + 'static, identities: Identities) -> App<impl Entry> {
    App::new()
        .app_data(web::Data::new(identities.users))
        // The defaults of both: no deadlines; an encrypted, `Secure`, `HttpOnly`, `SameSite=Lax` cookie.
        .wrap(IdentityMiddleware::default())
        .wrap(SessionMiddleware::new(store, identities.key))
        .route("/static", web::get().to(async || String::from("static")))
        .route("/open", web::get().to(open))
        .route("/me", web::get().to(me))
        // The crate has no guard: its extractor refuses.
        .route("/guarded", web::get().to(me))
        .route("/login", web::post().to(login))
}

/// The library knows an id: the user comes from the application, as everywhere else.
async fn user(identity: &Identity, users: &PeerUsers) -> Result<PeerUser, Error> {
    let id = identity.id()?.parse().map_err(ErrorUnauthorized)?;
    users.by_id(id).await?.ok_or_else(|| ErrorUnauthorized("no such user"))
}

async fn open(identity: Option<Identity>, users: web::Data<PeerUsers>) -> Result<String, Error> {
    match identity {
        Some(identity) => Ok(String::from(&*user(&identity, &users).await?.name)),
        None => Ok(String::from("anonymous")),
    }
}

async fn me(identity: Identity, users: web::Data<PeerUsers>) -> Result<String, Error> {
    Ok(String::from(&*user(&identity, &users).await?.name))
}

async fn login(request: HttpRequest, users: web::Data<PeerUsers>) -> Result<&'static str, Error> {
    let user = users.authenticate(ALICE, PASSWORD.to_owned()).await?;
    let user = user.ok_or_else(|| ErrorUnauthorized("wrong name or password"))?;
    Identity::login(&request.extensions(), user.id.to_string()).map_err(ErrorInternalServerError)?;
    Ok("welcome")
}
