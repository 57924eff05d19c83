//! Rules about odd input.

use std::sync::{Arc, Mutex, PoisonError};

use crate::backend::{Backend, BackendErrorKind};
use crate::event::{Event, EventKind, Observer};
use crate::{Auth, Credentials, Password, RequestFacts, Secret, User as _, UserId};

/// How many odd attempts are made at least: more than open a circuit breaker.
const ATTEMPTS: usize = 12;

/// Checks that odd credentials concern only themselves: they let nobody in, are not an outage, and after each of them
/// the right ones are accepted at once. For passwords use [`odd_passwords`]; odd ids are part of the suite.
///
/// A backend may answer that it [cannot judge](BackendErrorKind::Undecided) an odd attempt, that the name is unknown,
/// or that the secret is wrong; but not that it is unavailable, late, overloaded, not understandable, or panicked.
///
/// ```
/// use auth_core::Password;
/// use auth_core::backend::Backend;
/// use auth_core::conformance::backend::{odd, odd_passwords};
///
/// /// In a test, with an account that the backend never locks.
/// async fn is_robust(backend: impl Backend<Password> + 'static) {
///     let right = Password::new("alice", "wonderland");
///     odd(backend, right.clone(), odd_passwords(&right)).await;
/// }
/// ```
///
/// # Panics
/// With the rule that the backend breaks.
pub async fn odd<C, B>(backend: B, right: C, odd: impl IntoIterator<Item = C>)
where
    C: Credentials + Clone,
    B: Backend<C>,
{
    let (backend, faults) = (Arc::new(backend), Faults::default());
    let auth = Auth::builder().backend::<C>("suite", Arc::clone(&backend));
    let auth = auth.observer(faults.clone()).build().expect("a chain of one backend can be built");
    let ask = async |credentials: C| {
        let answer = auth.authenticate(credentials, &RequestFacts::none()).await;
        answer.map(|accepted| accepted.user().id())
    };
    let user = ask(right.clone()).await.expect("the right credentials are accepted");
    let odd: Vec<C> = odd.into_iter().collect();
    let attempts = ATTEMPTS.max(odd.len());
    for (n, credentials) in odd.iter().cycle().take(attempts).enumerate() {
        let subject = format!("the odd credentials {}, of {:?}", n % odd.len(), credentials.subject());
        let answer = ask(credentials.clone()).await;
        // A directory may accept another spelling of the same name, but for no other user, and with no other secret.
        let may_be_right = credentials.subject() != right.subject();
        let fits = answer.map_or(true, |found| may_be_right && found == user);
        assert!(fits, "{subject}: they are nobody's");
        faults.check(&subject);
        let again = ask(right.clone()).await;
        assert_eq!(again.as_ref(), Ok(&user), "{subject}: they keep nobody else out");
    }
    for id in odd_ids() {
        let found = backend.get_user(&id).await;
        let found = found.map(|user| user.is_some()).map_err(|error| error.kind());
        let fits = matches!(found, Ok(false) | Err(BackendErrorKind::Undecided));
        assert!(fits, "the id {id:?} is nobody's, and no outage: {found:?}");
    }
}

/// Names and passwords that some systems refuse, fail on, or take for others; for an existing user.
///
/// Use an account that the backend never locks: wrong passwords could lock it here.
#[must_use]
pub fn odd_passwords(right: &Password) -> Vec<Password> {
    let (name, password) = (right.username(), right.password().expose());
    let names = texts().into_iter().chain(around(name)).filter(|odd| odd.len() <= Password::MAX_USERNAME_LEN);
    let secrets = texts().into_iter().chain(around(password)).chain(["p".repeat(Password::MAX_PASSWORD_LEN)]);
    let names = names.map(|odd| Password::new(odd, right.password().clone()));
    names.chain(secrets.map(|odd| Password::new(name, Secret::from(odd)))).collect()
}

/// Odd by themselves: terminators of texts, lines or statements; characters with a meaning in filters, DNs, queries,
/// paths, templates, JSON, XML; texts with no normal form, with several, or outside of some character sets.
const ODD: [&str; 61] = [
    "\0",
    "a\0b",
    "\n",
    "a\r\nb",
    "\t",
    "\u{1b}[2J",
    "\u{7f}",
    "\u{85}",
    "\u{2028}",
    "*",
    "*)(uid=*",
    "(",
    "\\",
    "\\00",
    "\\2a",
    ",dc=",
    "cn=x,",
    "=",
    "+",
    "#",
    "\"",
    "<x>",
    "&amp;",
    "' OR 1=1 --",
    "`",
    "%",
    "%00",
    "%s%n",
    "../../x",
    "a/b",
    "a\\b",
    "a@b@c",
    "@",
    "{username}",
    "{password}",
    "${x}",
    "[]",
    "{}",
    "null",
    ":",
    " ",
    "a b",
    "\u{a0}",
    "\u{200b}",
    "\u{202e}x",
    "\u{feff}x",
    "\u{fffd}",
    "\u{ffff}",
    "\u{10ffff}",
    "\u{e000}",
    "\u{301}",
    "😀",
    "é\u{301}\u{302}\u{303}",
    "ß",
    "ı",
    "ｘ",
    "عـ",
    "−1",
    "٣",
    "-1",
    "9223372036854775808",
];

fn texts() -> Vec<String> {
    let long = ["x".repeat(255), "é".repeat(127), "😀".repeat(63), "\\".repeat(255), "\u{fdfa}".repeat(85)];
    ODD.into_iter().map(str::to_owned).chain(long).collect()
}

/// The right text with something odd before, after or within it.
fn around(text: &str) -> Vec<String> {
    let middle = text.char_indices().nth(1).map_or(text.len(), |(at, _)| at);
    let (start, end) = text.split_at(middle);
    let odd = ["\0", "\n", "\r\n", "\u{fffd}", "\u{200b}", "\u{1}", "*", "\\"];
    odd.into_iter()
        .flat_map(|odd| [format!("{odd}{text}"), format!("{start}{odd}{end}"), format!("{text}{odd}")])
        .collect()
}

fn odd_ids() -> Vec<UserId> {
    let ids = [
        "\0",
        "a\0b",
        "\n",
        "😀",
        "\u{ffff}",
        "\u{10ffff}",
        "1e5",
        "+1",
        "01",
        " 1",
        "9223372036854775808",
        "'",
        "%",
    ];
    let long = ["9".repeat(255), "x".repeat(255), "é".repeat(127)];
    ids.into_iter().map(str::to_owned).chain(long).filter_map(|id| UserId::new(id).ok()).collect()
}

/// The errors of the backend.
#[derive(Clone, Default)]
struct Faults(Arc<Mutex<Vec<BackendErrorKind>>>);

impl Faults {
    fn check(&self, subject: &str) {
        let faults = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let others: Vec<_> = faults.into_iter().filter(|kind| *kind != BackendErrorKind::Undecided).collect();
        assert!(
            others.is_empty(),
            "{subject}: an error that the input causes is no fault of all: {others:?}"
        );
    }
}

impl Observer for Faults {
    fn on_event(&self, event: &Event<'_>) {
        if let EventKind::BackendFailed(error) = event.kind {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(error.kind());
        }
    }
}
