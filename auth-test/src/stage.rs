//! An `Auth` for one test and one user: what stands behind a layer.

mod one_user;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use auth_core::http::Bearer;
use auth_core::random::{OsRandom, Random};
use auth_core::session::{KeyRing, MemorySessions, SessionConfig};
use auth_core::{Auth, AuthBuilder, BearerToken, ConfigError, Password, User};
use tokio::sync::OnceCell;

use crate::jar::Jar;
use crate::{SignedIn, sign_in};
use one_user::{OneUser, Token};

/// The name of the backend, unless the test has another.
const BACKEND: &str = "test";
/// How long a session lasts from its login on, however long ago that was.
const LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// An `Auth`, and what its one caller presents.
pub(crate) struct Stage<U> {
    pub(crate) auth: Auth<U>,
    caller: Caller<U>,
}

enum Caller<U> {
    Anonymous,
    Token(String),
    Session { who: SignedIn<U>, jar: OnceCell<Mutex<Jar>> },
}

type Configure<'a, U> = &'a dyn Fn(AuthBuilder<U>) -> AuthBuilder<U>;

impl<U: User + Clone> Stage<U> {
    /// For a user who is signed in.
    pub(crate) fn of(who: SignedIn<U>, configure: Configure<'_, U>) -> Result<Arc<Self>, ConfigError> {
        let backend = who.backend.clone().unwrap_or_else(|| BACKEND.to_owned());
        if who.is_by_token() {
            return Self::of_token(&who, &backend, configure);
        }
        let builder = Auth::builder().backend::<Password>(&backend, OneUser::new(who.user.clone()));
        let auth = configure(with_sessions(builder, who.age())?).build()?;
        Ok(Arc::new(Self { auth, caller: Caller::Session { who, jar: OnceCell::new() } }))
    }

    fn of_token(
        who: &SignedIn<U>,
        backend: &str,
        configure: Configure<'_, U>,
    ) -> Result<Arc<Self>, ConfigError> {
        let token = Token { text: random_text()?, grant: Arc::default() };
        let users = OneUser::by_token(who.user.clone(), token.clone());
        let builder = Auth::builder().backend::<BearerToken>(backend, users);
        let builder = builder.scheme(Bearer::new("test")?.allow_cleartext());
        let auth = configure(with_sessions(builder, Duration::ZERO)?).build()?;
        token.grant.get_or_init(|| who.grant(auth.now()));
        Ok(Arc::new(Self { auth, caller: Caller::Token(token.text) }))
    }

    /// For a visitor without a login.
    pub(crate) fn anonymous(configure: Configure<'_, U>) -> Result<Arc<Self>, ConfigError> {
        let builder = Auth::builder().backend::<Password>(BACKEND, OneUser::none());
        let auth = configure(with_sessions(builder, Duration::ZERO)?).build()?;
        Ok(Arc::new(Self { auth, caller: Caller::Anonymous }))
    }

    /// The header to add to a request of the caller. A request that has cookies of these names already gets none: its
    /// client keeps a jar.
    ///
    /// # Panics
    /// If the session cannot begin.
    pub(crate) async fn header(&self, sent: &Sent<'_>) -> Option<(&'static str, String)> {
        match &self.caller {
            Caller::Anonymous => None,
            Caller::Token(_) if sent.has_authorization => None,
            Caller::Token(token) => Some(("authorization", format!("Bearer {token}"))),
            Caller::Session { who, jar } => {
                let jar = jar.get_or_init(|| begin(&self.auth, who)).await;
                let jar = jar.lock().unwrap_or_else(PoisonError::into_inner);
                let is_sent = jar.pairs().any(|(name, _)| sent.has_cookie(name));
                jar.line("/").filter(|_| !is_sent).map(|line| ("cookie", line))
            }
        }
    }

    /// Takes up the cookies of an answer, as the caller's browser does.
    pub(crate) fn take<'a>(&self, lines: impl Iterator<Item = &'a str>) {
        let Caller::Session { jar, .. } = &self.caller else { return };
        let Some(jar) = jar.get() else { return };
        let mut jar = jar.lock().unwrap_or_else(PoisonError::into_inner);
        lines.for_each(|line| jar.take(line));
    }
}

/// What a request carries before the caller's header is added.
pub(crate) struct Sent<'a> {
    pub(crate) cookies: Vec<&'a [u8]>,
    pub(crate) has_authorization: bool,
}

impl Sent<'_> {
    fn has_cookie(&self, name: &str) -> bool {
        let mut pairs = self.cookies.iter().flat_map(|line| line.split(|byte| *byte == b';'));
        pairs.any(|pair| {
            pair.trim_ascii().strip_prefix(name.as_bytes()).is_some_and(|rest| rest.first() == Some(&b'='))
        })
    }
}

async fn begin<U: User + Clone>(auth: &Auth<U>, who: &SignedIn<U>) -> Mutex<Jar> {
    let cookies = match sign_in(auth, who.clone()).await {
        Ok(cookies) => cookies,
        Err(error) => panic!("the user cannot be signed in: {error:?}"),
    };
    let mut jar = Jar::default();
    cookies.set_cookie_lines().for_each(|line| jar.take(line));
    Mutex::new(jar)
}

/// The session outlives a login of long ago: only a rule that asks for a fresh login refuses it.
fn with_sessions<U: User>(builder: AuthBuilder<U>, age: Duration) -> Result<AuthBuilder<U>, ConfigError> {
    let config = SessionConfig::new(KeyRing::generate()?).absolute_timeout(age.saturating_add(LIFETIME));
    Ok(builder.sessions(MemorySessions::new(100), config))
}

fn random_text() -> Result<String, ConfigError> {
    let mut bytes = [0; 16];
    OsRandom.fill(&mut bytes).map_err(|error| ConfigError::new(error.to_string()))?;
    Ok(format!("{:032x}", u128::from_le_bytes(bytes)))
}
