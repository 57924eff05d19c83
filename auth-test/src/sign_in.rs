//! Signing somebody in at an application's own `Auth`, without credentials.

mod error;

use std::fmt;

use auth_core::http::Login;
use auth_core::http::adapter::{Begin, Exchange};
use auth_core::{Auth, Authenticated, User};

use crate::SignedIn;
use crate::jar::Jar;
use crate::view::{Request, SetCookies, alone};
pub use error::{SignInError, SignInErrorKind};

/// Signs somebody in at an application's own [`Auth`] and gives the cookies that their browser gets, as Django's
/// `force_login`.
///
/// No credentials are presented, so no backend judges any. The rest is what happens at a login: the session begins in
/// the application's store, its policy of second factors is asked, and each request loads the user from the backend by
/// id. The backend must know the user. If the user lacks a factor, the login [stays pending](Cookies::is_pending) and
/// the requests stay anonymous.
///
/// [`Client::sign_in`](crate::Client::sign_in) does the same and keeps the cookies. Without a client, send
/// [`Cookies::header`].
///
/// ```
/// use auth_core::session::{KeyRing, MemorySessions, SessionConfig};
/// use auth_core::{Auth, Password};
/// use auth_test::{Scripted, TestUser, sign_in, signed_in_as};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let alice = TestUser::new("alice");
/// let users = Scripted::new().with_user("alice", "wonderland", alice.clone());
/// let auth = Auth::builder()
///     .backend::<Password>("local", users)
///     .sessions(MemorySessions::new(100), SessionConfig::new(KeyRing::generate()?))
///     .build()?;
///
/// let cookies = sign_in(&auth, signed_in_as(alice)).await?;
/// assert!(cookies.header().starts_with("__Host-session="));
///
/// let stranger = sign_in(&auth, signed_in_as(TestUser::new("bob"))).await;
/// assert!(stranger.unwrap_err().to_string().contains("the backend \"local\" finds no such user"));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`SignInError`] if the application has no sessions, no backend has the name, the store or the backend fails, or the
/// backend does not find the user again. Its text says what to do.
pub async fn sign_in<U: User>(auth: &Auth<U>, who: SignedIn<U>) -> Result<Cookies, SignInError> {
    if who.is_by_token() {
        return Err(SignInErrorKind::Scopes.into());
    }
    let backend = backend_of(auth, &who)?;
    let is_active = who.user.is_active();
    let grant = who.grant(auth.now());
    let authenticated = auth
        .dangerous_authenticated_with(who.user, &backend, grant)
        .map_err(|error| SignInError::because(SignInErrorKind::NoSuchBackend, error))?;
    let cookies = log_in(auth, authenticated).await?;
    match is_known(auth, &cookies).await? {
        true => Ok(cookies),
        false if cookies.is_pending => Ok(cookies),
        false if !is_active => Err(SignInErrorKind::Disabled.into()),
        false => Err(SignInError::unknown(&backend)),
    }
}

fn backend_of<U: User>(auth: &Auth<U>, who: &SignedIn<U>) -> Result<String, SignInError> {
    let named = who.backend.clone().or_else(|| auth.backends().next().map(ToString::to_string));
    named.ok_or_else(|| SignInErrorKind::NoSuchBackend.into())
}

/// Has the session engine begin a session, and takes down what the browser gets.
async fn log_in<U: User>(auth: &Auth<U>, authenticated: Authenticated<U>) -> Result<Cookies, SignInError> {
    let request = Request { cookies: None };
    let exchange = begin(auth, &request).await?;
    let session = exchange.session(&request);
    let login = session.login(authenticated).await.map_err(SignInError::not_begun)?;
    let is_pending = matches!(login, Login::Pending(_));
    exchange.end();
    if let Some(saving) = exchange.save(|| 200) {
        saving.await.map_err(|_| SignInErrorKind::NotBegun)?;
    }
    let mut answer = SetCookies::default();
    exchange.finish(&mut answer);
    Ok(Cookies { lines: answer.0, is_pending })
}

/// Whether a request with these cookies finds the user.
async fn is_known<U: User>(auth: &Auth<U>, cookies: &Cookies) -> Result<bool, SignInError> {
    let request = Request { cookies: Some(cookies.header()) };
    let exchange = begin(auth, &request).await?;
    Ok(exchange.session(&request).user().is_some())
}

async fn begin<U: User>(auth: &Auth<U>, request: &Request) -> Result<Exchange<U>, SignInError> {
    match auth.begin(request, alone()) {
        Begin::Call(exchange) => Ok(exchange),
        Begin::Refuse(_) => Err(SignInErrorKind::NotBegun.into()),
        Begin::Resolve(resolving) => {
            let found = resolving.await.caller(request);
            found.map(|(exchange, _)| exchange).map_err(|_| SignInErrorKind::NotBegun.into())
        }
    }
}

/// What a browser gets at a login.
#[derive(Clone)]
pub struct Cookies {
    lines: Vec<String>,
    is_pending: bool,
}

impl Cookies {
    /// The `Cookie` header for the requests that follow.
    ///
    /// ```
    /// # use auth_core::{Auth, User};
    /// # async fn example<U: User>(auth: &Auth<U>, alice: U) -> Result<(), Box<dyn std::error::Error>> {
    /// let cookies = auth_test::sign_in(auth, auth_test::signed_in_as(alice)).await?;
    /// let request = http::Request::get("/members").header("cookie", cookies.header()).body(())?;
    /// # drop(request);
    /// # Ok(())
    /// # }
    /// ```
    pub fn header(&self) -> String {
        self.jar().line("/").unwrap_or_default()
    }

    /// The `Set-Cookie` lines, as the browser gets them.
    pub fn set_cookie_lines(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }

    /// Whether the login waits for a second factor, by the application's [policy](auth_core::second_factor): until it
    /// is given, requests with these cookies are anonymous.
    pub fn is_pending(&self) -> bool {
        self.is_pending
    }

    fn jar(&self) -> Jar {
        let mut jar = Jar::default();
        self.lines.iter().for_each(|line| jar.take(line));
        jar
    }
}

/// Not the values: they are as good as a password.
impl fmt::Debug for Cookies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let jar = self.jar();
        let names: Vec<_> = jar.pairs().map(|(name, _)| name).collect();
        f.debug_struct("Cookies")
            .field("names", &names)
            .field("is_pending", &self.is_pending)
            .finish_non_exhaustive()
    }
}
