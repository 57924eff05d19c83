//! What both frameworks' applications are made of.
#![allow(dead_code, reason = "each test binary uses a part")]

use std::sync::Arc;
use std::time::Duration;

use auth_core::factors::{Factors, MemoryFactors};
use auth_core::grant::Factor;
use auth_core::http::{Basic, Bearer};
use auth_core::second_factor::{Needs, SecondFactor};
use auth_core::session::{KeyRing, MemorySessions, SessionConfig};
use auth_core::{Auth, AuthBuilder, Password, Require};
use auth_test::{Failing, Scripted, TestClock, TestUser};

/// An application's own `Auth`, and what is behind it.
pub struct Site {
    pub auth: Auth<TestUser>,
    pub users: Scripted<TestUser>,
    pub sessions: Failing<MemorySessions>,
    pub clock: TestClock,
}

pub fn alice() -> TestUser {
    TestUser::new("alice").with_permission("members")
}

impl Site {
    pub fn new() -> Self {
        Self::with(|auth| auth)
    }

    /// Whose users need a second factor.
    pub fn of_two_factors() -> Self {
        let keys = KeyRing::generate().unwrap();
        let factors = Arc::new(Factors::new("Shop", MemoryFactors::new(100), &keys).unwrap());
        Self::with(|auth| {
            let second = SecondFactor::new(factors).page("/login/factor");
            auth.second_factor(second.policy(|_, _| Needs::second_factor()))
        })
    }

    pub fn with(configure: impl FnOnce(AuthBuilder<TestUser>) -> AuthBuilder<TestUser>) -> Self {
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
pub fn rules() -> [(&'static str, Require); 6] {
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
pub const CLAIMS: [(&str, &str); 12] = [
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

/// Schemes for tests that the client speaks TLS.
pub fn basic(auth: AuthBuilder<TestUser>) -> AuthBuilder<TestUser> {
    auth.scheme(Basic::new("site").unwrap())
}

pub fn bearer() -> Bearer {
    Bearer::new("site").unwrap()
}
