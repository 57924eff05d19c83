//! The sites that grow: a login without a hash for any number of users, and a page that needs one.

use std::time::Duration;

use auth_core::backend::{Accepted, Attempt, Backend, BackendError, DeclineReason, Outcome, UserSource};
use auth_core::session::{KeyRing, MemorySessions, SessionStore};
use auth_core::{Auth, AuthBuilder, Password, SessionConfig, UserId};
use auth_tower::{AuthLayer, CurrentUser, Session};
use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::{Request, StatusCode, header};
use axum::routing::{get, post};
use clap::ValueEnum;
use tower::Service;
use tower_sessions::MemoryStore;
use tower_sessions_moka_store::MokaStore;

use crate::person::Person;
use crate::sites::hand::{self, Hand};
use crate::sites::{PeerUsers, axum_login};

/// Whose site it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SiteName {
    Ours,
    OursActix,
    HandWritten,
    AxumLogin,
    AxumLoginStamp,
    AxumLoginMoka,
}

impl SiteName {
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Ours => "ours, axum",
            Self::OursActix => "ours, actix",
            Self::HandWritten => "hand-written, axum",
            Self::AxumLogin => "axum-login, memory store",
            Self::AxumLoginStamp => "axum-login, memory store, stamp of 16 bytes",
            Self::AxumLoginMoka => "axum-login, moka store",
        }
    }

    /// The name on the command line.
    pub(crate) fn argument(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// The axum router, with room for this many sessions.
    pub(crate) fn router(self, sessions: usize) -> Router {
        match self {
            Self::Ours | Self::OursActix => router(auth(sessions)),
            Self::HandWritten => hand::router(Hand::new()),
            Self::AxumLogin => axum_login::router(MemoryStore::default(), PeerUsers::memory()),
            Self::AxumLoginStamp => {
                axum_login::router(MemoryStore::default(), PeerUsers::memory_with_stamp())
            }
            Self::AxumLoginMoka => {
                // Moka may refuse what would just fit: it must have room.
                let max = u64::try_from(sessions).expect("a u64 holds a usize") * 2;
                axum_login::router(MokaStore::new(Some(max)), PeerUsers::memory())
            }
        }
    }

    /// Where the session of this number logs in. On the sites that know one user only, all are that user's.
    fn login(self, number: usize) -> String {
        match self {
            Self::Ours | Self::OursActix => format!("/login/{number:016}"),
            Self::HandWritten | Self::AxumLogin | Self::AxumLoginStamp | Self::AxumLoginMoka => {
                "/login".to_owned()
            }
        }
    }

    /// Logs a new session in; its cookie.
    pub(crate) async fn log_in(self, router: &mut Router, number: usize) -> String {
        let request = Request::post(self.login(number)).body(Body::empty()).expect("a request");
        let response = router.call(request).await.expect("infallible");
        assert_eq!(response.status(), StatusCode::OK);
        let cookie = response.headers()[header::SET_COOKIE].to_str().expect("text");
        cookie.split(';').next().expect("a pair").to_owned()
    }
}

/// Our own, on axum.
pub(crate) fn router(auth: Auth<Person>) -> Router {
    pages().layer(AuthLayer::new(auth))
}

/// Our site without its layer.
pub(crate) fn pages() -> Router {
    Router::new()
        .route("/static", get(async || "static"))
        .route("/me", get(me))
        .route("/login/{id}", post(log_in))
        .route("/logout", post(log_out))
}

async fn me(user: CurrentUser<Person>) -> String {
    user.name()
}

async fn log_in(session: Session<Person>, Path(id): Path<String>) -> Result<(), auth_tower::Error> {
    let person = session.authenticate(Password::new(id, "secret")).await?;
    let _ = session.login(person).await?;
    Ok(())
}

async fn log_out(session: Session<Person>) -> Result<(), auth_tower::Error> {
    Ok(session.logout().await?)
}

/// Everybody may log in; sessions are in memory.
pub(crate) fn auth(sessions: usize) -> Auth<Person> {
    let builder = Auth::builder().backend::<Password>("people", People::Known);
    build(builder, MemorySessions::new(sessions))
}

pub(crate) fn build(builder: AuthBuilder<Person>, store: impl SessionStore) -> Auth<Person> {
    let keys = KeyRing::generate().expect("a key");
    // Whatever a run takes, no session becomes due for a touch in it.
    let day = Duration::from_hours(24);
    let config = SessionConfig::new(keys).idle_timeout(day).touch_every(day / 2);
    builder.sessions(store, config).login_page("/login").build().expect("a configuration that can be right")
}

/// A backend that needs no time of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum People {
    /// Accepts everybody.
    Known,
    /// Is asked, and knows nobody.
    Unknown,
    /// Says without being asked that it does not judge this attempt.
    NotMine,
}

impl UserSource for People {
    type User = Person;

    async fn get_user(&self, id: &UserId) -> Result<Option<Person>, BackendError> {
        Ok((*self == Self::Known).then(|| Person(id.clone())))
    }
}

impl Backend<Password> for People {
    fn supports(&self, _: &Attempt<'_, Password>) -> bool {
        *self != Self::NotMine
    }

    async fn authenticate(
        &self,
        attempt: &Attempt<'_, Password>,
    ) -> Result<Outcome<Accepted<Person>>, BackendError> {
        Ok(match self {
            Self::Known => {
                // The id of a session's user is a string of its own, as if it came from a table.
                let id = UserId::new(attempt.credentials().username());
                id.map_or(Outcome::Decline(DeclineReason::Malformed), |id| Outcome::accept(Person(id)))
            }
            Self::Unknown | Self::NotMine => Outcome::Decline(DeclineReason::UnknownUser),
        })
    }
}

/// Asks for the page that needs a user.
pub(crate) async fn ask(router: &mut Router, cookie: &str) {
    let request = Request::get("/me").header(header::COOKIE, cookie).body(Body::empty()).expect("a request");
    let response = router.call(request).await.expect("infallible");
    assert_eq!(response.status(), StatusCode::OK);
}
