//! Passkeys ([`WebAuthn` Level 3]) for [`auth_core`]: somebody signs in by what their phone, laptop or security key holds, alone or
//! beside a password.
//!
//! ```
//! use std::sync::Arc;
//!
//! use auth_core::factors::{Factors, MemoryFactors};
//! use auth_core::http::Login;
//! use auth_core::once::MemoryOnce;
//! use auth_core::second_factor::SecondFactor;
//! use auth_core::session::{KeyRing, MemorySessions, SessionConfig, SessionErrorKind};
//! use auth_core::{Auth, MemoryBackend, Password, Passwords, Session, User, UserId};
//! use auth_passkeys::Passkeys;
//! # #[derive(Clone)]
//! # struct Account;
//! # impl User for Account {
//! #     fn id(&self) -> UserId { UserId::from(1) }
//! #     fn security_stamp(&self) -> &[u8] { b"" }
//! #     fn is_active(&self) -> bool { true }
//! # }
//! # type Error = Box<dyn std::error::Error>;
//!
//! type SitePasskeys = Passkeys<MemoryFactors, MemoryOnce, Account>;
//!
//! fn site(keys: KeyRing, users: Arc<MemoryBackend<Account>>) -> Result<(Auth<Account>, Arc<SitePasskeys>), Error> {
//!     // In production `SqlFactors` of auth-sql, and `SqlOnce` or `RedisOnce`: all instances share them.
//!     let factors = Arc::new(Factors::new("Shop", MemoryFactors::new(10_000), &keys)?);
//!     let used = MemoryOnce::new(100_000);
//!     let origins = ["https://example.com", "https://www.example.com"];
//!     let passkeys = Passkeys::new("example.com", origins, Arc::clone(&factors), used, &keys)?
//!         .owners("local", Arc::clone(&users))?;
//!     let passkeys = Arc::new(passkeys);
//!     let auth = Auth::builder()
//!         .backend::<Password>("local", users)
//!         .backend("passkeys", Arc::clone(&passkeys))
//!         .sessions(MemorySessions::new(10_000), SessionConfig::new(keys))
//!         .second_factor(SecondFactor::new(factors))
//!         .build()?;
//!     Ok((auth, passkeys))
//! }
//!
//! // What a handler answers: a body, and values of `Set-Cookie` headers, one each; and `Cache-Control: no-store`.
//! type Answer = (String, Vec<String>);
//!
//! // POST /login/passkey/options. `cookies` are the values of the `Cookie` headers: `headers.get_all(COOKIE)`.
//! fn login_options(passkeys: &SitePasskeys, cookies: &[&[u8]]) -> Result<Answer, Error> {
//!     let begun = passkeys.begin_login(cookies.iter().copied())?;
//!     Ok((begun.options, begun.cookies.into_iter().collect()))
//! }
//!
//! // POST /login/passkey, with the form's field `response`.
//! async fn login(
//!     session: &Session<Account>,
//!     passkeys: &SitePasskeys,
//!     cookies: &[&[u8]],
//!     response: &str,
//! ) -> Result<Login<Account>, Error> {
//!     let assertion = passkeys.assertion(cookies.iter().copied(), response);
//!     let authenticated = session.authenticate(assertion).await?;
//!     Ok(session.login(authenticated).await?)
//! }
//!
//! // POST /login/factor/options: only for who has given a first proof.
//! async fn factor_options(
//!     session: &Session<Account>,
//!     passkeys: &SitePasskeys,
//!     cookies: &[&[u8]],
//! ) -> Result<Answer, Error> {
//!     let owner = session.factor_owner().await?;
//!     let begun = passkeys.begin_second_factor(cookies.iter().copied(), &owner).await?;
//!     Ok((begun.options, begun.cookies.into_iter().collect()))
//! }
//!
//! // POST /login/factor, with the field `response`: as above, and what it proves is added.
//! async fn factor(
//!     session: &Session<Account>,
//!     passkeys: &SitePasskeys,
//!     cookies: &[&[u8]],
//!     response: &str,
//! ) -> Result<Login<Account>, Error> {
//!     let assertion = passkeys.assertion(cookies.iter().copied(), response);
//!     let authenticated = session.authenticate(assertion).await?;
//!     Ok(session.add(authenticated).await?)
//! }
//!
//! // POST /account/passkeys/options.
//! async fn registration_options(
//!     session: &Session<Account>,
//!     passkeys: &SitePasskeys,
//!     cookies: &[&[u8]],
//! ) -> Result<Answer, Error> {
//!     let own = session.factors().await?;
//!     let begun = passkeys.begin_enrolment(cookies.iter().copied(), &own, "alice@example.com", "Alice").await?;
//!     Ok((begun.options, begun.cookies.into_iter().collect()))
//! }
//!
//! // POST /account/passkeys, with the fields `name` and `response`.
//! async fn register(
//!     session: &Session<Account>,
//!     passkeys: &SitePasskeys,
//!     cookies: &[&[u8]],
//!     (name, response): (&str, &str),
//! ) -> Result<&'static str, Error> {
//!     let own = session.factors().await?;
//!     match passkeys.finish_enrolment(cookies.iter().copied(), &own, name, response).await {
//!         Ok(_) => Ok("you can sign in with it from now on"),
//!         Err(error) if error.kind() == SessionErrorKind::AlreadyEnrolled => Ok("you can sign in with it already"),
//!         Err(error) => Err(error.into()),
//!     }
//! }
//! # let (_, passkeys) = site(KeyRing::generate()?, Arc::new(MemoryBackend::new(Passwords::new()?)))?;
//! # assert_eq!(login_options(&passkeys, &[])?.1.len(), 1);
//! # Ok::<(), Error>(())
//! ```
//!
//! The page's part is [`SCRIPT`].
//!
//! # Before the first passkey: the RP id is for ever
//! A passkey is made for one domain, the RP id, and is of no use to any other; nobody can move it. Take the domain that people know,
//! `example.com` and not `www.example.com`: pages of its subdomains may ask for the passkey, if they are among the origins. Whoever
//! can put a page on one of these origins can ask for it, too: name no more of them than there need be. A registrable domain that
//! changes hands takes the passkeys with it.
//!
//! # What an assertion proves
//! | the device says | proofs | good for |
//! |---|---|---|
//! | its user is there and was verified (PIN, fingerprint, face) | [`Passkey`](auth_core::grant::Factor::Passkey) and [`UserVerification`](auth_core::grant::Factor::UserVerification): two factors | signing in with nothing else |
//! | its user is there | [`Passkey`](auth_core::grant::Factor::Passkey) | a second factor |
//!
//! Signing in by a passkey alone wants verification ([`user_verification`](Passkeys::user_verification)); a second factor asks for it
//! where the device can ([`second_factor_verification`](Passkeys::second_factor_verification)).
//!
//! # What is always so
//! * A challenge is 32 random bytes, sealed in a cookie of the browser that was asked ([`SealedCookies`]) for one ceremony, one user
//!   where that is known, and [5 minutes](Passkeys::challenge_lifetime). It is used up in the [`OnceStore`] before anything is
//!   verified: of any number of answers, at whichever instances, one is looked at. An outage refuses.
//! * Type, challenge, origin (byte for byte), frames, RP id, presence, verification, backup flags, signature and user handle are
//!   judged as `WebAuthn` Level 3 §7.1 and §7.2 say. Whatever is wrong with an assertion is answered as a wrong password is.
//! * A login page asks everybody alike: it tells nobody whether there is an account.
//! * A credential id is registered once in a store, decided there in one step (§7.1 step 26).
//! * What is kept is sealed for its owner ([`factors`](auth_core::factors)): whoever writes into the database moves no passkey to
//!   another user.
//! * A session is of the owner's backend, from which its user is loaded on each request.
//! * Answers are read strictly, and 64 KiB at most.
//!
//! # Counters
//! A device may count what it signs. A counter that does not rise may mean that there is a copy of the key:
//!
//! | | answer | event |
//! |---|---|---|
//! | it was and is 0 | accepted: the device does not count | |
//! | it rose | accepted, and kept | |
//! | it did not, and the passkey is bound to one device | refused | [`PasskeyCounterFell`](auth_core::event::EventKind::PasskeyCounterFell) |
//! | it did not, and its devices may share the passkey (backup eligible) | accepted; what is kept stays | the same |
//!
//! # What it stands on
//! [webauthn-rs] reads CBOR and computes signatures; nothing of it is in this crate's API, nor in what is stored. Keys are of ES256 or
//! RS256, which it verifies; no others are offered. No attestation is asked for: which make a device is of is not known. It is under
//! the MPL-2.0, whose terms hold for its own files, and brings about a hundred crates, which is why this is a crate of its own.
//!
//! [`WebAuthn` Level 3]: https://www.w3.org/TR/webauthn-3/
//! [webauthn-rs]: https://docs.rs/webauthn-rs-core
//! [`SealedCookies`]: auth_core::http::sealed::SealedCookies
//! [`OnceStore`]: auth_core::once::OnceStore
#![cfg_attr(docsrs, feature(doc_cfg))]

mod assertion;
mod base64url;
mod enrolment;
mod error;
mod kept;
mod options;
mod passkeys;
mod registration;
mod response;
mod site;
mod state;
mod users;
mod verify;

pub use assertion::PasskeyAssertion;
pub use error::{PasskeyError, PasskeyErrorKind};
pub use options::UserVerification;
pub use passkeys::{Begun, Passkeys};
pub use registration::Registered;

/// The page's part, as a file of JavaScript: serve it as `text/javascript` from the site itself, and load it by
/// `<script type="module" src="…">`. It needs no inline script, so `script-src 'self'` is enough.
///
/// It binds itself to forms with `data-passkey`, asks for what the form's options say, puts the answer into a field, and sends the form
/// like any other:
///
/// ```html
/// <input name="username" autocomplete="username webauthn">
/// <form method="post" action="/login/passkey" data-passkey="autofill" data-passkey-options-from="/login/passkey/options">
///   <input type="hidden" name="response" data-passkey-response>
///   <button>Sign in with a passkey</button>
///   <p role="alert" data-passkey-message></p>
/// </form>
/// ```
///
/// `data-passkey` is `register`, `login`, or `autofill`, which also offers passkeys in the page's name field. The head of the file says
/// the rest.
pub const SCRIPT: &str = include_str!("passkeys.js");

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
