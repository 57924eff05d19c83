//! The sites that are compared. All have the same routes, each has its own way to know who is calling:
//!
//! | route | |
//! |---|---|
//! | `GET /static` | public, and asks for nobody |
//! | `GET /open` | public, and asks who is calling |
//! | `GET /me` | the caller's name, or a refusal |
//! | `GET /guarded` | the same behind the library's own guard |
//! | `GET /session` | public, and takes the session (ours only) |
//! | `GET /account` | the caller's name, and takes the session (ours only) |
//! | `POST /login` | checks Alice's password and answers with a session cookie |
//!
//! Each is configured as its documentation says, with its defaults. What is compared is the library: pages are a
//! few bytes, users are the same, and all check the same cheap Argon2id hash at login.

mod actix_identity;
mod alone;
pub(crate) mod axum_login;
mod bare;
mod basic;
pub(crate) mod hand;
mod httpauth;
mod opaque;
mod ours;
mod peer_users;
mod place;
mod signed;
mod sqlite_store;
mod tower_http;

use actix_session::storage::{CookieSessionStore, RedisSessionStore};
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::{App, Error};
use auth_core::Auth;
use axum::Router;
use clap::ValueEnum;
use tower_sessions::MemoryStore;
use tower_sessions_moka_store::MokaStore;
use tower_sessions_redis_store::RedisStore;

use self::actix_identity::Identities;
use self::hand::Hand;
pub(crate) use self::ours::Member;
use self::ours::{Resolve, Verify};
pub use self::peer_users::{PeerUser, PeerUsers};
pub(crate) use self::place::{Place, sqlite_at};
pub(crate) use self::signed::SIGNED;
pub use self::signed::{AUDIENCE, ISSUER, Signed};
use self::sqlite_store::SqliteStore;
use crate::peers::Peer;
use crate::program::Program;

/// The one user of every site.
pub const ALICE: &str = "alice";
/// And her password.
pub const PASSWORD: &str = "wonderland";
/// What HTTP Basic makes of both.
pub(crate) const BASIC: &str = "Basic YWxpY2U6d29uZGVybGFuZA==";
/// An opaque token of Alice's: 256 random bits once, here always the same.
pub(crate) const BEARER: &str = "Bearer uY8mB1o2Jt6Qv0x4Zr9Wc3Kf7Hd5Ls1Pa8Ne6Gi2TqE";
pub(crate) const TOKEN: &str = BEARER.split_at("Bearer ".len()).1;
/// An API key of Alice's: one that is made of fixed bytes.
pub(crate) const API_KEY: &str = "Bearer bench_0bPELAU4eqF0DG9mkOv2l6AkSp3WsPxY70DG9mkOv2l6AkSp3WsPxY72IBFuo";
/// The most sessions that a bounded store holds here.
pub(crate) const MAX_SESSIONS: usize = 2_000_000;

/// A framework, and what knows the caller on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Site {
    Axum,
    AxumHand,
    AxumSqliteAlone,
    AxumRedisAlone,
    AxumOurs,
    AxumOursLazy,
    AxumOursTwo,
    AxumOursSqliteSessions,
    AxumOursSqlite,
    AxumOursRedis,
    AxumOursBasic,
    AxumOursBasicThird,
    AxumOursBearer,
    AxumOursBearerThird,
    AxumOursBearerRemembered,
    AxumOursKey,
    AxumOursSigned,
    AxumOursSignedFirst,
    AxumLogin,
    AxumLoginStamp,
    AxumLoginMoka,
    AxumAxess,
    AxumLoginSqliteSessions,
    AxumLoginSqlite,
    AxumLoginRedis,
    TowerHttpBasic,
    TowerHttpBearer,
    JwtAuthorizer,
    OAuth2ResourceServer,
    Actix,
    ActixHand,
    ActixRedisAlone,
    ActixOurs,
    ActixOursLazy,
    ActixOursTwo,
    ActixOursSqliteSessions,
    ActixOursSqlite,
    ActixOursRedis,
    ActixOursBasic,
    ActixOursBasicThird,
    ActixOursBearer,
    ActixOursBearerThird,
    ActixOursBearerRemembered,
    ActixOursKey,
    ActixOursSigned,
    ActixOursSignedFirst,
    ActixIdentity,
    ActixIdentityRedis,
    HttpauthBasic,
    HttpauthBearer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framework {
    Axum,
    Actix,
}

impl Site {
    /// Its name on the command line.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// Its name in tables.
    #[expect(clippy::too_many_lines, reason = "it is one for each")]
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Axum => "bare axum",
            Self::AxumHand => "by hand on axum",
            Self::AxumSqliteAlone => "one look-up by sqlx in SQLite alone",
            Self::AxumRedisAlone => "one command of `redis` alone",
            Self::AxumOurs => "**ours on axum**",
            Self::AxumOursLazy => "**ours on axum, lazy**",
            Self::AxumOursTwo => "**ours on axum**, a session of two factors that a policy asks for",
            Self::AxumOursSqliteSessions => "**ours on axum**, sessions in SQLite",
            Self::AxumOursSqlite => "**ours on axum**, sessions and users in SQLite",
            Self::AxumOursRedis => "**ours on axum**, sessions in Redis",
            Self::AxumOursBasic => "**ours on axum**, Basic, remembered",
            Self::AxumOursBasicThird => "**ours on axum**, Basic, third of 3 schemes, last of 3 backends",
            Self::AxumOursBearer => "**ours on axum**, opaque bearer",
            Self::AxumOursBearerThird => {
                "**ours on axum**, opaque bearer, third of 3 schemes, last of 3 backends"
            }
            Self::AxumOursBearerRemembered => "**ours on axum**, the same, remembered",
            Self::AxumOursKey => "**ours on axum**, API keys and users in memory",
            Self::AxumOursSigned => "**ours on axum**, a token that was verified before",
            Self::AxumOursSignedFirst => "**ours on axum**, verified each time",
            Self::AxumLogin => "axum-login, tower-sessions in memory",
            Self::AxumLoginStamp => "axum-login, the same with a stamp of 16 bytes",
            Self::AxumLoginMoka => "axum-login, tower-sessions in moka",
            Self::AxumAxess => "axess, sessions in memory",
            Self::AxumLoginSqliteSessions => "axum-login, tower-sessions in SQLite",
            Self::AxumLoginSqlite => "axum-login, tower-sessions and users in SQLite",
            Self::AxumLoginRedis => "axum-login, tower-sessions in Redis",
            Self::TowerHttpBasic => "tower-http, Basic",
            Self::TowerHttpBearer => "tower-http, bearer",
            Self::JwtAuthorizer => "jwt-authorizer, behind tower-http",
            Self::OAuth2ResourceServer => "tower-oauth2-resource-server",
            Self::Actix => "bare actix-web",
            Self::ActixHand => "by hand on actix-web",
            Self::ActixRedisAlone => "one command of `redis` alone, on actix-web",
            Self::ActixOurs => "**ours on actix-web**",
            Self::ActixOursLazy => "**ours on actix-web, lazy**",
            Self::ActixOursTwo => "**ours on actix-web**, a session of two factors that a policy asks for",
            Self::ActixOursSqliteSessions => "**ours on actix-web**, sessions in SQLite",
            Self::ActixOursSqlite => "**ours on actix-web**, sessions and users in SQLite",
            Self::ActixOursRedis => "**ours on actix-web**, sessions in Redis",
            Self::ActixOursBasic => "**ours on actix-web**, Basic, remembered",
            Self::ActixOursBasicThird => {
                "**ours on actix-web**, Basic, third of 3 schemes, last of 3 backends"
            }
            Self::ActixOursBearer => "**ours on actix-web**, opaque bearer",
            Self::ActixOursBearerThird => {
                "**ours on actix-web**, opaque bearer, third of 3 schemes, last of 3 backends"
            }
            Self::ActixOursBearerRemembered => "**ours on actix-web**, the same, remembered",
            Self::ActixOursKey => "**ours on actix-web**, API keys and users in memory",
            Self::ActixOursSigned => "**ours on actix-web**, a token that was verified before",
            Self::ActixOursSignedFirst => "**ours on actix-web**, verified each time",
            Self::ActixIdentity => "actix-identity, actix-session in the cookie",
            Self::ActixIdentityRedis => "actix-identity, actix-session in Redis",
            Self::HttpauthBasic => "actix-web-httpauth, Basic",
            Self::HttpauthBearer => "actix-web-httpauth, bearer",
        }
    }

    pub(crate) fn framework(self) -> Framework {
        if self < Self::Actix { Framework::Axum } else { Framework::Actix }
    }

    /// The framework alone.
    pub(crate) fn bare(self) -> Self {
        match self.framework() {
            Framework::Axum => Self::Axum,
            Framework::Actix => Self::Actix,
        }
    }

    /// Whether it knows nothing of sessions: any cookie will do.
    pub(crate) fn has_no_login(self) -> bool {
        let alone = matches!(self, Self::AxumSqliteAlone | Self::AxumRedisAlone | Self::ActixRedisAlone);
        self.is_bare() || alone
    }

    pub(crate) fn is_bare(self) -> bool {
        self == self.bare()
    }

    /// For a peer: the site of ours that does the same.
    pub(crate) fn ours(self) -> Option<Self> {
        Some(match self {
            Self::AxumLogin | Self::AxumLoginStamp | Self::AxumLoginMoka | Self::AxumAxess => Self::AxumOurs,
            Self::AxumLoginSqliteSessions => Self::AxumOursSqliteSessions,
            Self::AxumLoginSqlite => Self::AxumOursSqlite,
            Self::AxumLoginRedis => Self::AxumOursRedis,
            Self::TowerHttpBasic => Self::AxumOursBasic,
            Self::TowerHttpBearer => Self::AxumOursBearer,
            Self::JwtAuthorizer | Self::OAuth2ResourceServer => Self::AxumOursSignedFirst,
            Self::ActixIdentity => Self::ActixOurs,
            Self::ActixIdentityRedis => Self::ActixOursRedis,
            Self::HttpauthBasic => Self::ActixOursBasic,
            Self::HttpauthBearer => Self::ActixOursBearer,
            _ => return None,
        })
    }

    /// The program that runs it, and the bare framework that it is compared with.
    pub(crate) fn program(self) -> Program {
        match self {
            Self::AxumAxess | Self::JwtAuthorizer | Self::OAuth2ResourceServer => Program::Peers,
            _ => Program::This,
        }
    }

    /// Whether a database or Redis takes part, on threads or connections of its own.
    pub(crate) fn is_stored(self) -> bool {
        let stored = [
            Self::AxumSqliteAlone,
            Self::AxumOursSqliteSessions,
            Self::AxumOursSqlite,
            Self::AxumLoginSqliteSessions,
            Self::AxumLoginSqlite,
            Self::ActixOursSqliteSessions,
            Self::ActixOursSqlite,
        ];
        stored.contains(&self) || self.needs_redis()
    }

    /// Whether it keeps its sessions in Redis.
    pub(crate) fn needs_redis(self) -> bool {
        matches!(
            self,
            Self::AxumRedisAlone
                | Self::AxumOursRedis
                | Self::AxumLoginRedis
                | Self::ActixRedisAlone
                | Self::ActixOursRedis
                | Self::ActixIdentityRedis
        )
    }
}

/// What knows the caller by credentials that come with each request, if this is a site of ours that does.
async fn with_credentials(site: Site) -> Result<Option<Auth<Member>>, String> {
    Ok(Some(match site {
        Site::AxumOursBasic | Site::ActixOursBasic => ours::basic().await,
        Site::AxumOursBasicThird | Site::ActixOursBasicThird => ours::basic_third().await,
        Site::AxumOursBearer | Site::ActixOursBearer => ours::bearer(),
        Site::AxumOursBearerThird | Site::ActixOursBearerThird => ours::bearer_third().await,
        Site::AxumOursBearerRemembered | Site::ActixOursBearerRemembered => ours::bearer_remembered().await,
        Site::AxumOursKey | Site::ActixOursKey => ours::keys().await,
        Site::AxumOursSigned | Site::ActixOursSigned => ours::signed(Verify::Once).await?,
        Site::AxumOursSignedFirst | Site::ActixOursSignedFirst => ours::signed(Verify::EachTime).await?,
        _ => return Ok(None),
    }))
}

/// A site on axum.
///
/// # Errors
/// If its database or Redis refuses.
pub(crate) async fn router(site: Site, place: &Place) -> Result<Router, String> {
    if let Some(auth) = with_credentials(site).await? {
        return Ok(ours::router(auth, Resolve::Eagerly));
    }
    Ok(match site {
        Site::AxumHand => hand::router(Hand::new()),
        Site::AxumSqliteAlone => alone::sqlite_on_axum(place.sqlite().await?).await?,
        Site::AxumRedisAlone => alone::redis_on_axum(alone::redis(place.redis()?).await?),
        Site::AxumOurs => ours::router(ours::memory().await, Resolve::Eagerly),
        Site::AxumOursLazy => ours::router(ours::memory().await, Resolve::Lazily),
        Site::AxumOursTwo => ours::router(ours::two_factors().await, Resolve::Eagerly),
        Site::AxumOursSqliteSessions => {
            ours::router(ours::sqlite_sessions(place.sqlite().await?).await, Resolve::Eagerly)
        }
        Site::AxumOursSqlite => ours::router(ours::sqlite(place.sqlite().await?).await, Resolve::Eagerly),
        Site::AxumOursRedis => ours::router(ours::redis(place.redis()?).await?, Resolve::Eagerly),
        Site::AxumLogin => axum_login::router(MemoryStore::default(), PeerUsers::memory()),
        Site::AxumLoginStamp => axum_login::router(MemoryStore::default(), PeerUsers::memory_with_stamp()),
        Site::AxumLoginMoka => {
            axum_login::router(MokaStore::new(Some(MAX_SESSIONS as u64)), PeerUsers::memory())
        }
        Site::AxumAxess => place.linked(Peer::Axess(PeerUsers::memory()))?.await?,
        Site::AxumLoginSqliteSessions => {
            axum_login::router(SqliteStore::new(place.sqlite().await?).await?, PeerUsers::memory())
        }
        Site::AxumLoginSqlite => {
            let pool = place.sqlite().await?;
            axum_login::router(SqliteStore::new(pool.clone()).await?, PeerUsers::sqlite(pool).await?)
        }
        Site::AxumLoginRedis => axum_login::router(RedisStore::new(place.fred().await?), PeerUsers::memory()),
        Site::TowerHttpBasic => tower_http::basic(),
        Site::TowerHttpBearer => tower_http::bearer(),
        Site::JwtAuthorizer => place.linked(Peer::JwtAuthorizer(&SIGNED))?.await?,
        Site::OAuth2ResourceServer => place.linked(Peer::OAuth2ResourceServer(&SIGNED))?.await?,
        site => {
            debug_assert_eq!(site, Site::Axum);
            bare::router()
        }
    })
}

/// What an actix-web `App` makes.
pub(crate) trait Entry:
    ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<<Self as Entry>::Body>,
        Error = Error,
        InitError = (),
    > + 'static
{
    type Body: MessageBody + 'static;
}

impl<S, B> Entry for S
where
    S: ServiceFactory<
            ServiceRequest,
            Config = (),
            Response = ServiceResponse<B>,
            Error = Error,
            InitError = (),
        > + 'static,
    B: MessageBody + 'static,
{
    type Body = B;
}

/// What is done with a site on actix-web. Every site is an `App` of its own type: hence a visitor.
pub(crate) trait Visit {
    type Output;

    /// `app` makes the same site for every worker.
    async fn visit<E: Entry>(self, app: impl Fn() -> App<E> + Clone + Send + 'static) -> Self::Output;
}

/// Shows a site on actix-web to a visitor.
///
/// # Errors
/// If its database or Redis refuses.
pub(crate) async fn app<V: Visit>(site: Site, place: &Place, visit: V) -> Result<V::Output, String> {
    if let Some(auth) = with_credentials(site).await? {
        return Ok(ours::visit(auth, Resolve::Eagerly, visit).await);
    }
    Ok(match site {
        Site::ActixHand => {
            let hand = Hand::new();
            visit.visit(move || hand::app(hand.clone())).await
        }
        Site::ActixRedisAlone => {
            let connection = alone::redis(place.redis()?).await?;
            visit.visit(move || alone::redis_on_actix(connection.clone())).await
        }
        Site::ActixOurs => ours::visit(ours::memory().await, Resolve::Eagerly, visit).await,
        Site::ActixOursLazy => ours::visit(ours::memory().await, Resolve::Lazily, visit).await,
        Site::ActixOursTwo => ours::visit(ours::two_factors().await, Resolve::Eagerly, visit).await,
        Site::ActixOursSqliteSessions => {
            ours::visit(ours::sqlite_sessions(place.sqlite().await?).await, Resolve::Eagerly, visit).await
        }
        Site::ActixOursSqlite => {
            ours::visit(ours::sqlite(place.sqlite().await?).await, Resolve::Eagerly, visit).await
        }
        Site::ActixOursRedis => {
            ours::visit(ours::redis(place.redis()?).await?, Resolve::Eagerly, visit).await
        }
        Site::ActixIdentity => {
            let identities = Identities::new(PeerUsers::memory());
            visit.visit(move || actix_identity::app(CookieSessionStore::default(), identities.clone())).await
        }
        Site::ActixIdentityRedis => {
            let identities = Identities::new(PeerUsers::memory());
            let store = RedisSessionStore::new(place.redis()?).await.map_err(|error| error.to_string())?;
            visit.visit(move || actix_identity::app(store.clone(), identities.clone())).await
        }
        Site::HttpauthBasic => visit.visit(httpauth::basic).await,
        Site::HttpauthBearer => visit.visit(httpauth::bearer).await,
        site => {
            debug_assert_eq!(site, Site::Actix);
            visit.visit(bare::app).await
        }
    })
}
