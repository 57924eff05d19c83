//! What both frameworks' applications are made of.

#[macro_use]
mod tests;
pub(crate) mod scripts;

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use auth_core::factors::{Factors, MemoryFactors};
use auth_core::grant::Factor;
use auth_core::http::Basic;
use auth_core::second_factor::{Needs, SecondFactor};
use auth_core::session::{KeyRing, MemorySessions, SessionConfig};
use auth_core::{Auth, AuthBuilder, Password, Require};
use auth_test::{App, Client, Failing, Scripted, SignedIn, TestClock, TestUser};
use bytes::Bytes;
use http::{Request, Response};

/// An application's own `Auth`, and what is behind it.
pub(crate) struct Site {
    pub(crate) auth: Auth<TestUser>,
    pub(crate) users: Scripted<TestUser>,
    pub(crate) sessions: Failing<MemorySessions>,
    pub(crate) clock: TestClock,
}

pub(crate) fn alice() -> TestUser {
    TestUser::new("alice").with_permission("members")
}

impl Site {
    pub(crate) fn new() -> Self {
        Self::with(|auth| auth)
    }

    /// Whose users need a second factor.
    pub(crate) fn of_two_factors() -> Self {
        let keys = KeyRing::generate().unwrap();
        let factors = Arc::new(Factors::new("Shop", MemoryFactors::new(100), &keys).unwrap());
        Self::with(|auth| {
            let second = SecondFactor::new(factors).page("/login/factor");
            auth.second_factor(second.policy(|_, _| Needs::second_factor()))
        })
    }

    pub(crate) fn with(configure: impl FnOnce(AuthBuilder<TestUser>) -> AuthBuilder<TestUser>) -> Self {
        let users = Scripted::new().with_user("alice", "wonderland", alice());
        let sessions = Failing::new(MemorySessions::new(100));
        let clock = TestClock::new();
        let builder = Auth::builder()
            .backend::<Password>("local", users.clone())
            .sessions(sessions.clone(), SessionConfig::new(KeyRing::generate().unwrap()))
            .login_page("/login")
            .clock(clock.clone());
        Self { auth: configure(builder).build().unwrap(), users, sessions, clock }
    }
}

/// Paths that are guarded, and by what.
pub(crate) fn rules() -> [(&'static str, Require); 6] {
    [
        ("/login-only", Require::login()),
        ("/members", Require::permission("members")),
        ("/scope", Require::scope("orders:read")),
        ("/fresh", Require::login().fresh(Duration::from_secs(300))),
        ("/second", Require::login().second_factor()),
        ("/passkey", Require::login().factor(Factor::Passkey)),
    ]
}

/// Whatever a client might try to be somebody by.
pub(crate) const CLAIMS: [(&str, &str); 12] = [
    ("cookie", "__Host-session=alice"),
    ("cookie", "session=alice; auth-test=alice; __Host-session=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
    ("authorization", "Bearer alice"),
    ("authorization", "Basic YWxpY2U6d29uZGVybGFuZA=="),
    ("x-auth-test", "alice"),
    ("x-test-user", "alice"),
    ("x-user", "alice"),
    ("x-remote-user", "alice"),
    ("remote-user", "alice"),
    ("x-forwarded-user", "alice"),
    ("x-forwarded-for", "127.0.0.1"),
    ("forwarded", "for=127.0.0.1;proto=https"),
];

/// Which needs TLS.
pub(crate) fn basic(auth: AuthBuilder<TestUser>) -> AuthBuilder<TestUser> {
    auth.scheme(Basic::new("site").unwrap())
}

type Answering = Pin<Box<dyn Future<Output = Response<Bytes>>>>;

/// An application, whatever its type.
#[derive(Clone)]
pub(crate) struct AnyApp(Rc<dyn Fn(Request<Bytes>) -> Answering>);

impl AnyApp {
    pub(crate) fn client(app: impl App + Clone + 'static) -> Client<Self> {
        Client::of(Self(Rc::new(move |request| {
            let app = app.clone();
            Box::pin(async move { app.answer(request).await })
        })))
    }
}

impl App for AnyApp {
    async fn answer(&self, request: Request<Bytes>) -> Response<Bytes> {
        (self.0)(request).await
    }
}

/// The same pages over one framework.
pub(crate) trait Framework {
    /// Behind the application's own layer.
    async fn app(auth: &Auth<TestUser>) -> Client<AnyApp>;
    /// Behind a layer of the kit, for a user or for a visitor.
    async fn layered(
        who: Option<SignedIn<TestUser>>,
        configure: impl Fn(AuthBuilder<TestUser>) -> AuthBuilder<TestUser>,
    ) -> Client<AnyApp>;
    /// Behind none.
    async fn bare() -> Client<AnyApp>;

    async fn signed_in(who: SignedIn<TestUser>) -> Client<AnyApp> {
        Self::layered(Some(who), |auth| auth).await
    }
}
