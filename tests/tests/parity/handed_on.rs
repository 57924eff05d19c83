//! What is refused in a secret before it is handed on to another system, by whichever way it came.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use auth_core::backend::{
    Attempt, BackendError, DeclineReason, Identity, Outcome, Provisioned, Provisioner, UserSource, Verifier,
};
use auth_core::provisioning::Reports;
use auth_core::{BackendPolicy, Password, UserId};
use integration_tests::accounts::Account;
use integration_tests::client::everywhere;
use integration_tests::site::Request;
use integration_tests::world::Setup;

/// An outside system whose only person has every password but one, or a list of hashes of its own.
#[derive(Clone, Default)]
struct Outside {
    seen: Arc<Mutex<Vec<String>>>,
    is_local: bool,
}

impl Verifier<Password> for Outside {
    fn hands_on(&self) -> bool {
        !self.is_local
    }

    async fn verify(&self, attempt: &Attempt<'_, Password>) -> Result<Outcome<Identity>, BackendError> {
        let Some(password) = Some(attempt.credentials()).filter(|typed| typed.username().contains("eve"))
        else {
            return Ok(Outcome::Decline(DeclineReason::UnknownUser));
        };
        self.seen.lock().unwrap().push(password.password().expose().to_owned());
        match password.password().expose() {
            "wrong" => Ok(Outcome::Decline(DeclineReason::WrongSecret)),
            _ => Ok(Outcome::Accept(Identity::new("outside", "eve"))),
        }
    }
}

struct Eve;

impl UserSource for Eve {
    type User = Account;

    async fn get_user(&self, _: &UserId) -> Result<Option<Account>, BackendError> {
        Ok(Some(Account::new(9, "eve")))
    }
}

impl Provisioner for Eve {
    async fn provision(&self, _: Identity, _: &Reports) -> Result<Outcome<Account>, BackendError> {
        Ok(Outcome::Accept(Account::new(9, "eve")))
    }
}

fn site(outside: &Outside, policy: BackendPolicy) -> Setup {
    let outside = outside.clone();
    // Each request is judged: nothing that was accepted is remembered.
    Setup::default().basic(Some(Duration::ZERO)).configure(move |auth| {
        let backend = Provisioned { verifier: outside.clone(), users: Eve };
        auth.login_page("/login").backend_with::<Password>("outside", backend, policy)
    })
}

/// A password, whether it may be handed on, and whether HTTP Basic can carry it at all.
const VALUES: [(&str, &str, bool, bool); 16] = [
    ("plain", "correct horse", true, true),
    ("not ASCII", "pässwörd 😀", true, true),
    ("blanks at the ends", " a ", true, true),
    ("what means something elsewhere", "*)(uid=*\\00%00\"'<&{password}", true, true),
    ("a line separator", "a\u{2028}b", true, true),
    ("NUL", "a\0b", false, false),
    ("NUL at the end", "a\0", false, false),
    ("CR LF", "a\r\nb", false, false),
    ("LF at the end", "a\n", false, false),
    ("tab", "a\tb", false, false),
    ("escape", "\u{1b}[2J", false, false),
    ("DEL", "a\u{7f}", false, false),
    ("next line, of two bytes", "a\u{85}b", false, false),
    ("bytes that were no UTF-8", "a\u{fffd}", false, true),
    ("wrong", "wrong", false, true),
    ("too long", LONG, false, false),
];
const LONG: &str = match str::from_utf8(&[b'x'; 4097]) {
    Ok(long) => long,
    Err(_) => "",
};

/// The table: value by road by kind of verifier, the same on every adapter.
#[tokio::test]
async fn a_secret_is_refused_before_it_is_handed_on() {
    for is_local in [false, true] {
        let outside = Outside { is_local, ..Outside::default() };
        everywhere(site(&outside, BackendPolicy::new()), async |client| {
            for (name, password, may_be_handed_on, fits_basic) in VALUES {
                // A local verifier judges whatever fits the bounds of all passwords.
                let is_right = may_be_handed_on || is_local && !matches!(name, "wrong" | "too long");
                let is_asked = is_right || name == "wrong";
                let roads = [
                    ("form", Request::post("/login", &[("username", "eve"), ("password", password)]), true),
                    ("Basic", Request::get("/me").basic("eve", password), fits_basic),
                    (
                        "gRPC",
                        Request::get("/me").basic("eve", password).with("content-type", "application/grpc"),
                        fits_basic,
                    ),
                ];
                for (road, request, carries) in roads {
                    outside.seen.lock().unwrap().clear();
                    let what = format!("{name} by {road} at {}, local: {is_local}", client.site());
                    let mut fresh = client.another();
                    let answer = fresh.send(request).await;
                    let is_in = fresh.jar.token().is_some() || answer.body.contains("eve");
                    assert_eq!(is_in, is_right && carries, "{what}: {answer:?}");
                    if !is_in && road != "gRPC" {
                        assert_eq!(answer.status, 401, "{what}");
                    }
                    let expected: &[&str] = if is_asked && carries { &[password] } else { &[] };
                    assert_eq!(*outside.seen.lock().unwrap(), expected, "{what}");
                }
            }
            // A form's bytes that are no UTF-8: the password is not the same as another that is none either.
            for bytes in ["%E9", "%FF%FE", "%C3"] {
                outside.seen.lock().unwrap().clear();
                let mut form = Request::post("/login", &[("username", "eve")]);
                form.body = format!("{}&password=a{bytes}", form.body);
                let mut fresh = client.another();
                fresh.send(form).await;
                assert_eq!(fresh.jar.token().is_some(), is_local, "{bytes}");
                assert_eq!(outside.seen.lock().unwrap().is_empty(), !is_local, "{bytes}");
            }
        })
        .await;
    }
}

/// What is refused costs what a wrong password costs, and is no way past a backend whose word is final.
#[tokio::test]
async fn a_refused_secret_is_a_wrong_password() {
    for policy in [BackendPolicy::new(), BackendPolicy::new().authoritative()] {
        let outside = Outside::default();
        everywhere(site(&outside, policy), async |client| {
            let mut costs = Vec::new();
            let mut told = Vec::new();
            for (username, password) in [("eve", "wrong"), ("eve", "a\0b"), ("mallory", "a\0b")] {
                let before = client.world.passwords.runs();
                client.world.events.take();
                let fields = [("username", username), ("password", password)];
                let answer = client.another().send(Request::post("/login", &fields)).await;
                costs.push(client.world.passwords.runs() - before);
                told.push((answer.masked(), client.world.events.take().join("").replace(username, "")));
            }
            assert_eq!(costs, [1, 1, 1], "{policy:?}");
            assert!(told.iter().all(|answer| *answer == told[0]), "{policy:?}: {told:?}");
        })
        .await;
    }
}
