//! Passkeys ([`WebAuthn` Level 3]) for [`auth_core`]: users sign in with their phone, laptop or security key, alone
//! or in addition to a password.
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
//! // What a handler returns: a body, the values of `Set-Cookie` headers, and `Cache-Control: no-store`.
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
//! // POST /login/factor/options: only for a user who has given a first proof.
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
//! // POST /login/factor, with the field `response`: as above, and adds the new proof to the session.
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
//! [`SCRIPT`] is the page's part.
//!
//! # Before the first passkey: the RP id is permanent
//! A passkey belongs to one domain, the RP id, and cannot be used by any other; nobody can move it. Choose the domain
//! that people know, `example.com` and not `www.example.com`: pages of its subdomains may use the passkey if they are
//! among the origins. Everybody who can publish a page on one of these origins can ask for the passkey, too, so name
//! as few as you need. If the registrable domain changes hands, the passkeys are lost.
//!
//! # What an assertion proves
//! | the device says | proofs | sufficient for |
//! |---|---|---|
//! | the user is present and verified (PIN, fingerprint, face) | [`Passkey`](auth_core::grant::Factor::Passkey) and [`UserVerification`](auth_core::grant::Factor::UserVerification): two factors | signing in with nothing else |
//! | the user is present | [`Passkey`](auth_core::grant::Factor::Passkey) | a second factor |
//!
//! Signing in by a passkey alone requires verification ([`user_verification`](Passkeys::user_verification)). As a
//! second factor, verification is requested if the device supports it
//! ([`second_factor_verification`](Passkeys::second_factor_verification)).
//!
//! # Guarantees
//! * A challenge is 32 random bytes, sealed in a cookie of the browser that gets it ([`SealedCookies`]), for one
//!   ceremony, one user if known, and [5 minutes](Passkeys::challenge_lifetime). It is used up in the [`OnceStore`]
//!   before anything is verified: of any number of answers, at any instances, one is examined. An outage of the store
//!   refuses.
//! * Type, challenge, origin (byte for byte), frames, RP id, presence, verification, backup flags, signature and user
//!   handle are checked as `WebAuthn` Level 3 §7.1 and §7.2 require. Whatever is wrong with an assertion, the answer
//!   is that of a wrong password.
//! * A login page treats all visitors alike: it reveals no accounts.
//! * The store decides in one step that a credential id is registered only once (§7.1 step 26).
//! * The stored state is sealed for its owner ([`factors`](auth_core::factors)): write access to the database is not
//!   enough to move a passkey to another user.
//! * A session belongs to the owner's backend, which loads the user on each request.
//! * Answers are parsed strictly, up to 64 KiB.
//!
//! # Counters
//! A device may count its signatures. A counter that does not rise may mean that there is a copy of the key:
//!
//! | | answer | event |
//! |---|---|---|
//! | it was and is 0 | accepted: the device does not count | |
//! | it rose | accepted, and stored | |
//! | it did not rise, and the passkey is bound to one device | refused | [`PasskeyCounterFell`](auth_core::event::EventKind::PasskeyCounterFell) |
//! | it did not rise, and devices may share the passkey (backup eligible) | accepted; the stored counter stays | the same |
//!
//! # Features
//! The crate has no features and needs Rust 1.89. It brings along [webauthn-rs], which parses CBOR and verifies
//! signatures, and about a hundred crates below it; therefore passkeys are a separate crate. Nothing of webauthn-rs
//! is part of this crate's API or of what is stored. It is licensed under the MPL-2.0, whose terms apply to its
//! files.
//!
//! Keys use ES256 or RS256, which webauthn-rs verifies; no others are offered. No attestation is requested: the make
//! of a device stays unknown.
//!
//! # Where next
//! [`Passkeys::new`] and its settings; [`Passkeys::begin_enrolment`] for a settings page;
//! [`auth_core::second_factor`] for who needs a second factor.
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

/// The page's part, as a JavaScript file: serve it as `text/javascript` from the site itself, and load it by `<script
/// type="module" src="…">`. It needs no inline script, so `script-src 'self'` is enough.
///
/// It attaches to forms with `data-passkey`, calls the browser as the form's options say, puts the answer into a
/// field, and submits the form like any other:
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
/// `data-passkey` is `register`, `login`, or `autofill`, which also offers passkeys in the page's name field. The
/// head of the file describes the rest.
///
/// ```
/// // A handler of `GET /passkeys.js`, with its content type.
/// fn script() -> ([(&'static str, &'static str); 1], &'static str) {
///     ([("content-type", "text/javascript")], auth_passkeys::SCRIPT)
/// }
/// # assert!(script().1.contains("data-passkey"));
/// ```
pub const SCRIPT: &str = include_str!("passkeys.js");

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
