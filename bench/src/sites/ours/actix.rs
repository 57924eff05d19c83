//! The site on actix-web.

use actix_web::{App, web};
use auth_actix::{AuthLayer, CurrentUser, Error, RequireLayer, Session};
use auth_core::{Auth, Password, Require};

use super::{Named, Resolve};
use crate::sites::{ALICE, Entry, PASSWORD, Visit};

/// Shows the site to a visitor.
pub(crate) async fn visit<U: Named, V: Visit>(auth: Auth<U>, resolve: Resolve, visit: V) -> V::Output {
    visit.visit(move || app(auth.clone(), resolve)).await
}

fn app<U: Named>(auth: Auth<U>, resolve: Resolve) -> App<impl Entry> {
    let layer = AuthLayer::new(auth);
    let layer = if resolve == Resolve::Lazily { layer.lazy() } else { layer };
    App::new()
        .wrap(layer)
        .route("/static", web::get().to(async || String::from("static")))
        .route("/open", web::get().to(open::<U>))
        .route("/me", web::get().to(me::<U>))
        .service(web::resource("/guarded").wrap(RequireLayer::new(Require::login())).get(me::<U>))
        .route("/session", web::get().to(session::<U>))
        .route("/account", web::get().to(account::<U>))
        .route("/login", web::post().to(login::<U>))
}

async fn open<U: Named>(user: Option<CurrentUser<U>>) -> String {
    user.map_or_else(|| "anonymous".to_owned(), |user| user.name().to_owned())
}

async fn me<U: Named>(user: CurrentUser<U>) -> String {
    user.name().to_owned()
}

async fn session<U: Named>(session: Session<U>) -> String {
    session.user().map_or_else(|| "anonymous".to_owned(), |user| user.name().to_owned())
}

async fn account<U: Named>(user: CurrentUser<U>, session: Session<U>) -> String {
    drop(session);
    user.name().to_owned()
}

async fn login<U: Named>(session: Session<U>) -> Result<&'static str, Error> {
    let alice = session.authenticate(Password::new(ALICE, PASSWORD)).await?;
    let _ = session.login(alice).await?;
    Ok("welcome")
}
