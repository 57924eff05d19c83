//! What a program without a `tracing` subscriber says of its faults.

use std::env;
use std::process::Command;

use auth_core::backend::{BackendError, Outcome, backend_fn};
use auth_core::event::{Event, Observer};
use auth_core::{Auth, Password, RequestFacts, User, UserId};

/// Says to the child which program it is.
const PROGRAM: &str = "UNHEARD_PROGRAM";
const FAULT: &str = r#"auth: backend "local": the backend is unavailable: the cable is cut"#;

struct Nobody;

impl User for Nobody {
    fn id(&self) -> UserId {
        UserId::from(1)
    }
    fn security_stamp(&self) -> &[u8] {
        b""
    }
    fn is_active(&self) -> bool {
        true
    }
}

/// What this test program writes to standard error as that program.
fn stderr_of(program: &str) -> String {
    let this = env::current_exe().unwrap();
    let child =
        Command::new(this).args(["--exact", "as_a_child", "--nocapture"]).env(PROGRAM, program).output();
    let child = child.unwrap();
    assert!(child.status.success(), "{child:?}");
    String::from_utf8(child.stderr).unwrap()
}

#[test]
fn standard_error_gets_each_fault_once() {
    let stderr = stderr_of("silent");
    assert_eq!(stderr.matches(FAULT).count(), 1, "{stderr}");
    assert!(!stderr.contains("alice"), "no claim of a client: {stderr}");
    assert_eq!(stderr.matches("auth: ").count(), 1, "{stderr}");
}

/// Whoever installs a subscriber, or hears the events, decides what is written where.
#[test]
fn nothing_is_written_where_somebody_listens() {
    for program in ["subscriber", "observer"] {
        let stderr = stderr_of(program);
        assert!(!stderr.contains("auth: "), "{program}: {stderr}");
    }
}

/// Not a test by itself: the programs above.
#[tokio::test]
async fn as_a_child() {
    let Ok(program) = env::var(PROGRAM) else { return };
    let down = backend_fn(
        |_: Password| async { Err::<Outcome<Nobody>, _>(BackendError::unavailable("the cable is cut")) },
        |_: UserId| async { Ok(None) },
    );
    let auth = Auth::builder().backend::<Password>("local", down);
    let auth = match &*program {
        "subscriber" => {
            tracing::subscriber::set_global_default(tracing::subscriber::NoSubscriber::new()).unwrap();
            auth
        }
        "observer" => auth.observer(Deaf),
        _ => auth,
    };
    let auth = auth.build().unwrap();
    for _ in 0..3 {
        let denied = auth.authenticate(Password::new("alice", "right"), &RequestFacts::none()).await;
        assert!(denied.is_err_and(|denied| denied.is_unavailable()));
    }
}

struct Deaf;

impl Observer for Deaf {
    fn on_event(&self, _: &Event<'_>) {}
}
