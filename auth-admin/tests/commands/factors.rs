//! Second factors.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use auth_admin::{Admin, Command};
use auth_core::conformance::client::Browser;
use auth_core::factors::{
    FactorOwner, FactorStore, Factors, Reservation, StoredFactor, Totp, TotpEnrolment, Verdict,
};
use auth_core::session::KeyRing;
use auth_core::time::{Clock, SystemClock};
use auth_core::{BackendName, Password, UserId};
use auth_sql::{SqlFactors, SqlSessions};
use serde_json::Value;

use crate::site::{GOOD, Site};

const REASON: &str = "--reason=her phone is lost";

fn owner(id: i64) -> FactorOwner {
    FactorOwner { backend: BackendName::new("local").unwrap(), user: UserId::from(id) }
}

async fn enrol(factors: &Factors<SqlFactors>, owner: &FactorOwner, name: &str) -> TotpEnrolment {
    let enrolment = factors.enrol_totp(owner, "somebody@example.com", name).await.unwrap();
    let app: Totp = enrolment.secret.expose().parse().unwrap();
    let confirmed = factors.confirm(owner, enrolment.id, &app.code(SystemClock.now())).await.unwrap();
    assert!(matches!(confirmed, Verdict::Right(_)));
    enrolment
}

/// Enters wrong codes until no more are taken.
async fn try_wrong_codes(store: &SqlFactors, owner: &FactorOwner) {
    for _ in 0..20 {
        if let Reservation::RetryAfter(_) = store.reserve_try(owner, SystemClock.now()).await.unwrap() {
            return;
        }
    }
    panic!("wrong codes are not counted");
}

async fn may_try(store: &SqlFactors, owner: &FactorOwner) -> bool {
    matches!(store.reserve_try(owner, SystemClock.now()).await.unwrap(), Reservation::Allowed(_))
}

/// What every database must do: the tests with servers come by here, with other users in the table.
pub(crate) async fn factors_are_listed_and_reset(site: &Site) {
    let (auth, store) = (site.auth().await, SqlFactors::new(site.database().await));
    let factors = Factors::new("Shop", store.clone(), &KeyRing::generate().unwrap()).unwrap();
    let [alice, bob] = ["anna", "boris"].map(|name| {
        site.create(name);
        let json: Value = serde_json::from_str(&site.done(&["show-user", name, "--json"])).unwrap();
        owner(json["id"].as_str().unwrap().parse().unwrap())
    });
    enrol(&factors, &bob, "phone").await;
    a_list_has_no_secret(site, &factors, &store, &alice).await;
    try_wrong_codes(&store, &alice).await;
    let kept = store.of_owner(&alice).await.unwrap();
    nothing_is_reset_by_half_a_command(site);
    assert_eq!(store.of_owner(&alice).await.unwrap(), kept);

    let mut browsers = [Browser::new("hers"), Browser::new("his")];
    for (browser, name) in browsers.iter_mut().zip(["anna", "boris"]) {
        browser.log_in(&auth, Password::new(name, GOOD)).await;
    }
    let done = "removed 3 second factors of anna and ended 1 sessions: her phone is lost\n";
    assert_eq!(site.done(&["reset-factors", "anna", REASON, "--yes"]), done);
    assert!(!browsers[0].is_logged_in(&auth).await && browsers[1].is_logged_in(&auth).await);
    assert!(store.of_owner(&alice).await.unwrap().is_empty());
    assert!(may_try(&store, &alice).await, "what was counted is gone, too");
    assert_eq!(store.of_owner(&bob).await.unwrap().len(), 1);
    assert!(site.signs_in("anna", GOOD).await, "the password stays");

    // Again, for instance after the sessions could not be ended.
    Browser::new("again").log_in(&auth, Password::new("anna", GOOD)).await;
    let done = "removed 0 second factors of anna and ended 1 sessions: her phone is lost\n";
    assert_eq!(site.done(&["reset-factors", "anna", REASON, "--yes"]), done);
}

/// Enrols an app, another that is not confirmed, and recovery codes.
async fn a_list_has_no_secret(
    site: &Site,
    factors: &Factors<SqlFactors>,
    store: &SqlFactors,
    alice: &FactorOwner,
) {
    assert_eq!(site.done(&["list-factors", "anna", "--json"]), "[]\n");
    let none = site.run(&["list-factors", "anna"]);
    assert_eq!((none.code, &*none.out, &*none.err), (0, "", "there are none\n"));
    let phone = enrol(factors, alice, "phone\u{202e}").await;
    let waiting = factors.enrol_totp(alice, "anna@example.com", "tablet").await.unwrap();
    let printed = factors.make_recovery_codes(alice).await.unwrap();
    assert!(matches!(factors.verify(alice, &printed.codes()[0]).await.unwrap(), Verdict::Right(_)));

    let listed = site.done(&["list-factors", "ANNA"]);
    let lines: Vec<_> = listed.lines().collect();
    let begins = [(phone.id, r"totp  phone\u{202e}"), (waiting.id, "totp  tablet")];
    for (line, (id, named)) in lines.iter().zip(begins) {
        assert!(line.starts_with(&format!("{id}  {named}  created ")), "{listed}");
    }
    assert!(lines[0].contains("  confirmed ") && !lines[0].contains("codes left"), "{listed}");
    assert!(lines[1].ends_with("  not confirmed  never used"), "{listed}");
    assert!(lines[2].contains("  recovery_code  ") && lines[2].contains("  last used "), "{listed}");
    assert!(lines.len() == 3 && lines[2].ends_with("  9 codes left"), "{listed}");
    let json = site.done(&["list-factors", "anna", "--json"]);
    let rows: Value = serde_json::from_str(&json).unwrap();
    assert_eq!([&rows[1]["confirmed"], &rows[1]["codes_left"]], [&Value::Null; 2]);
    assert_eq!((rows[2]["kind"].as_str(), rows[2]["codes_left"].as_u64()), (Some("recovery_code"), Some(9)));

    let kept = store.of_owner(alice).await.unwrap();
    for text in [&listed, &json] {
        assert!(![&phone, &waiting].iter().any(|app| text.contains(app.secret.expose())), "{text}");
        assert!(!kept.iter().any(|factor| shows_bytes(text, factor)), "{text}");
    }
}

/// Whether a text has what a store keeps secret, as numbers or hexadecimal digits.
fn shows_bytes(text: &str, factor: &StoredFactor) -> bool {
    let some =
        factor.codes.iter().map(|code| &code[..]).chain([&*factor.secret]).filter(|bytes| !bytes.is_empty());
    some.into_iter().any(|bytes| {
        let hex: String = bytes[..8].iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        let numbers: Vec<_> = bytes[..8].iter().map(ToString::to_string).collect();
        text.to_lowercase().contains(&hex) || text.contains(&numbers.join(","))
    })
}

/// Without a reason, a confirmation or a user.
fn nothing_is_reset_by_half_a_command(site: &Site) {
    let long = format!("--reason={}", "x".repeat(501));
    let table: [(&[&str], i32, &str); 6] = [
        (&["reset-factors", "anna", "--yes"], 2, "--reason"),
        (&["reset-factors", "anna", REASON], 2, "there is no terminal to ask for confirmation: use --yes"),
        (&["reset-factors", "anna", "--reason= ", "--yes"], 1, "a reason has 1 to 500 bytes"),
        (&["reset-factors", "anna", &long, "--yes"], 1, "a reason has 1 to 500 bytes"),
        (&["reset-factors", "nobody", REASON, "--yes"], 1, "error: there is no such user\n"),
        (&["list-factors", "nobody"], 1, "error: there is no such user\n"),
    ];
    for (arguments, code, says) in table {
        let ran = site.run(arguments);
        assert_eq!((ran.code, &*ran.out), (code, ""), "{arguments:?}: {ran:?}");
        assert!(ran.err.contains(says), "{arguments:?}: {ran:?}");
    }
}

#[tokio::test]
async fn factors_in_sqlite() {
    factors_are_listed_and_reset(&Site::new()).await;
}

/// An application's log.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Who was reset, where and why is in the application's log, in one line whatever the reason is.
#[tokio::test]
async fn a_reset_is_logged() {
    let site = Site::new();
    site.create("alice");
    let log = Log::default();
    let writer = log.clone();
    let lines = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let listening = tracing::subscriber::set_default(lines);
    let (users, database) = (site.users().await, site.database().await);
    let admin = || Admin::new(users.clone(), SqlSessions::new(database.clone()), "staff").unwrap();
    let reset = || Command::ResetFactors {
        username: "alice".into(),
        reason: " stolen\n2026-01-01 ERROR \u{1b}[2J".into(),
        yes: true,
    };
    assert_eq!(admin().run(reset()).await, ExitCode::from(1), "it was not told where they are");
    let admin = admin().with_factors(SqlFactors::new(database.clone()));
    assert_eq!(admin.run(reset()).await, ExitCode::SUCCESS);
    drop(listening);
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<_> = text.lines().filter(|line| line.contains("reset the second factors")).collect();
    assert_eq!(lines.len(), 1, "{text}");
    for says in ["WARN auth: ", r#"backend="staff""#, r#"user="1""#, "removed=0", "stolen"] {
        assert!(lines[0].contains(says), "{says}: {text}");
    }
    assert!(
        !text.contains('\u{1b}') && text.lines().all(|line| !line.starts_with("2026-01-01 ERROR")),
        "{text}"
    );
}
