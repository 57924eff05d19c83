//! Both demos as programs: what a service manager sees of them.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use integration_tests::process::Demo;

#[test]
fn end_cleanly_after_one_line() {
    for name in Demo::NAMES {
        let ended = Demo::start(name, &[]).terminate();
        assert!(ended.status.success(), "{name}: {ended:?}");
        assert!(ended.output.is_empty(), "{name}: {ended:?}");
    }
}

/// A second start finds what the first one made, whichever demo made it.
#[test]
fn start_again_on_the_same_database() {
    let demo = Demo::start("axum-demo", &[]).restart("actix-demo", &[]).restart("axum-demo", &[]);
    let secret = demo.folder().join("demo.sqlite3.secret");
    let mode = fs::metadata(secret).expect("a secret beside the database").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}
