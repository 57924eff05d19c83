//! Users, without a terminal.

use auth_core::User;
use sqlx::sqlite::SqlitePool;

use crate::site::{GOOD, Site};

const CREATED: &str = "created Alice, id 1; the password is temporary, to be changed at the next login\n";

/// All by the command line; without a password, nobody can sign in with one.
#[tokio::test]
async fn a_user_is_created_without_a_terminal() {
    let site = Site::new();
    let arguments = ["create-user", "--username", "Alice", "--permission", "a", "--permission", "b"];
    let ran = site.run_with(&[&arguments[..], &["--password-stdin"]].concat(), &format!("{GOOD}\n"));
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, CREATED, ""));
    assert!(site.signs_in("alice", GOOD).await && !site.signs_in("alice", "!").await);
    assert_eq!(
        site.done(&["show-user", "alice", "--json"]),
        "{\"id\":\"1\",\"username\":\"Alice\",\"active\":true,\"must_change_password\":true,\"permissions\":[\"a\",\"b\"]}\n"
    );
    assert_eq!(site.done(&["create-user", "--username", "bob", "--no-password"]), "created bob, id 2\n");
    for password in ["", "!", "bob", GOOD] {
        assert!(!site.signs_in("bob", password).await, "{password:?}");
    }
}

/// A password that an operator sets is temporary, unless it is meant to stay.
pub(crate) async fn a_password_from_an_administrator_is_temporary(site: &Site) {
    let is_marked = |name: &str| {
        let json = site.done(&["show-user", name, "--json"]);
        let is_marked = json.contains(r#""must_change_password":true"#);
        assert_eq!(
            site.done(&["show-user", name]).contains("\npassword     temporary\n"),
            is_marked,
            "{json}"
        );
        is_marked
    };
    let (said, other) =
        ("; the password is temporary, to be changed at the next login\n", "another one for cold tea");
    site.create("tess");
    assert!(is_marked("tess"));
    let users = site.users().await;
    let tess = users.find("tess").await.unwrap().unwrap();
    users.set_password(&tess.id(), Some(&other.into())).await.unwrap();
    assert!(!is_marked("tess"), "she chose one");
    for (arguments, marks) in [
        (&["set-password", "tess", "--password-stdin"][..], true),
        (&["set-password", "tess", "--no-password"], false),
        (&["set-password", "tess", "--password-stdin"], true),
        (&["set-password", "tess", "--password-stdin", "--permanent"], false),
    ] {
        let ran = site.run_with(arguments, if marks { GOOD } else { other });
        assert_eq!((ran.code, &*ran.err, ran.out.ends_with(said)), (0, "", marks), "{arguments:?}: {ran:?}");
        assert_eq!(is_marked("tess"), marks, "{arguments:?}");
    }
    assert!(site.signs_in("tess", other).await);
    site.run_with(&["set-password", "tess", "--password-stdin"], GOOD);
    let ran = site.run_with(&["set-password", "tess", "--password-stdin", "--permanent"], GOOD);
    assert_eq!(
        (ran.code, &*ran.err),
        (1, "error: it is the temporary password, which is to be changed\n"),
        "{ran:?}"
    );
    let robot = ["create-user", "--username", "robot", "--password-stdin", "--permanent"];
    let ran = site.run_with(&robot, GOOD);
    assert!(ran.code == 0 && !ran.out.contains("temporary") && !is_marked("robot"), "{ran:?}");
    assert_eq!(site.run(&["set-password", "tess", "--no-password", "--permanent"]).code, 2);
}

#[tokio::test]
async fn temporary_passwords_in_sqlite() {
    a_password_from_an_administrator_is_temporary(&Site::new()).await;
}

/// What was asked for is done on a table of an earlier version, and it is said what is not.
#[tokio::test]
async fn a_table_without_the_column_is_fine() {
    let site = Site::new();
    let pool = SqlitePool::connect(&site.database).await.unwrap();
    sqlx::query("ALTER TABLE auth_users DROP COLUMN must_change_password").execute(&pool).await.unwrap();
    let note =
        "note: the user is not asked to change the password at the next login: the user table has no column";
    let create = ["create-user", "--username", "alice", "--password-stdin"];
    let ran = site.run_with(&create, GOOD);
    assert_eq!((ran.code, &*ran.out), (0, "created alice, id 1\n"), "{ran:?}");
    assert!(ran.err.starts_with(note) && ran.err.contains("`auth-admin migrate`"), "{ran:?}");
    let other = "another one for cold tea";
    let ran = site.run_with(&["set-password", "alice", "--password-stdin"], other);
    assert_eq!((ran.code, &*ran.out), (0, "changed the password of alice and ended 0 sessions\n"), "{ran:?}");
    assert!(ran.err.starts_with(note), "{ran:?}");
    let ran = site.run_with(&["set-password", "alice", "--password-stdin", "--permanent"], other);
    assert_eq!((ran.code, &*ran.err), (0, ""), "{ran:?}");
    assert!(site.signs_in("alice", other).await);
    let file = site.file("users.csv", "username,password\nbob,\n");
    site.done(&["import-users", file.to_str().unwrap()]);

    site.done(&["migrate"]);
    let ran = site.run_with(&["set-password", "alice", "--password-stdin"], other);
    assert!(ran.code == 0 && ran.err.is_empty() && ran.out.contains("temporary"), "{ran:?}");
}

/// There is nobody to ask, so the message names the flag and nothing is done.
#[tokio::test]
async fn nothing_is_asked_without_a_terminal() {
    let site = Site::new();
    let table: [(&[&str], &str); 2] = [
        (&["create-user", "--no-password"], "--username"),
        (&["create-user", "--username", "alice"], "--password-stdin or --no-password"),
    ];
    for (arguments, flag) in table {
        let ran = site.run_with(arguments, "alice\n");
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{ran:?}");
        assert!(ran.err.contains(flag), "{ran:?}");
    }
    assert_eq!(site.count().await, 0);
    site.create("alice");
    let ran = site.run_with(&["set-password", "alice"], "another one for tea\n");
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(site.signs_in("alice", GOOD).await);
}

/// A name that is taken is refused, also in another case or width. What is no name is said to be none.
#[tokio::test]
async fn a_name_is_given_once() {
    let site = Site::new();
    site.create("alice");
    for name in ["alice", "ALICE", "ａｌｉｃｅ"] {
        let ran = site.run(&["create-user", "--username", name, "--no-password"]);
        assert_eq!((ran.code, ran.err.as_str()), (1, "error: the user name is taken\n"), "{name}");
    }
    assert!(site.signs_in("alice", GOOD).await, "nothing was changed");
    let long = "a".repeat(256);
    for name in ["", " alice", "ali\u{200b}ce", &long] {
        let ran = site.run(&["create-user", "--username", name, "--no-password"]);
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(ran.err.starts_with("error: a user name has"), "{ran:?}");
    }
    assert_eq!(site.count().await, 1);
}

/// All reasons at once, without anybody who could insist.
#[tokio::test]
async fn weak_passwords_are_refused_with_all_reasons() {
    let site = Site::new();
    site.create("someone");
    let long = "long ".repeat(1_000);
    let table: [(&str, &[&str]); 5] = [
        ("4815162342\n", &["fewer than 15 characters", "only digits", "first that an attacker tries"]),
        ("someone12345\r\n", &["fewer than 15", "too much like the name", "words about the user"]),
        ("", &["fewer than 15"]),
        (&long, &["more than 4096 bytes"]),
        ("two lines of tea\nand one of milk\n", &["more than one line"]),
    ];
    for (password, reasons) in table {
        for arguments in [&["set-password", "someone"][..], &["create-user", "--username", "someone.else"]] {
            let ran = site.run_with(&[arguments, &["--password-stdin"]].concat(), password);
            assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{ran:?}");
            assert!(reasons.iter().all(|reason| ran.err.contains(reason)), "{password:?} {ran:?}");
        }
    }
    assert_eq!(site.count().await, 1);
    assert!(site.signs_in("someone", GOOD).await);
}

#[test]
fn an_unknown_user_is_an_error() {
    let site = Site::new();
    let commands: [&[&str]; 10] = [
        &["set-password", "nobody", "--no-password"],
        &["set-password", "nobody"],
        &["disable", "nobody"],
        &["enable", "nobody"],
        &["grant", "nobody", "read"],
        &["revoke", "nobody", "read"],
        &["show-user", "nobody"],
        &["log-out-everywhere", "nobody"],
        &["list-sessions", "nobody"],
        &["end-session", "nobody", "0123456789abcdef"],
    ];
    for arguments in commands {
        let ran = site.run(arguments);
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{arguments:?}");
        assert_eq!(ran.err, "error: there is no such user\n", "{arguments:?}");
    }
}

#[test]
fn permissions_come_and_go() {
    let site = Site::new();
    site.create("alice");
    assert_eq!(
        site.done(&["grant", "alice", "write", "read", "read"]),
        "permissions of alice: read, write\n"
    );
    assert_eq!(site.done(&["revoke", "ALICE", "write", "none"]), "permissions of alice: read\n");
    let hostile = "x\u{1b}[2J\n\u{202e}y";
    site.done(&["grant", "alice", hostile]);
    let shown = site.done(&["show-user", "alice"]);
    assert!(shown.ends_with("permissions  read, x\\u{1b}[2J\\n\\u{202e}y\n"), "{shown}");
}

/// An outage is neither a refusal nor a mistake of the caller, and a URL with a password stays out of sight.
#[test]
fn outages_have_an_exit_code_of_their_own() {
    let mut site = Site::new();
    let missing = site.dir.path().join("missing.db");
    let table = [
        (format!("sqlite:{}", missing.display()), 75),
        ("postgres://app:canary@127.0.0.1:1/app".into(), 75),
        ("mysql://app:canary@127.0.0.1:1/app".into(), 75),
        ("oracle://app:canary@127.0.0.1:1/app".into(), 2),
        ("postgres://app:canary@127.0.0.1:port/app".into(), 2),
        ("canary".into(), 2),
    ];
    for (url, code) in table {
        site.database = url;
        let ran = site.run(&["show-user", "alice"]);
        assert_eq!((ran.code, ran.out.as_str()), (code, ""), "{} {ran:?}", site.database);
        assert!(ran.err.starts_with("error: ") && !ran.err.contains("canary"), "{ran:?}");
    }
    assert!(!missing.exists(), "a name that was mistyped makes no file");
    let help = site.run(&["--help"]);
    assert!(help.out.contains("75   the database, ") && !help.out.contains("canary"), "{}", help.out);
}

#[test]
fn an_unreachable_session_store_is_said_to_be_one() {
    let site = Site::new();
    site.create("alice");
    for (url, code, done) in [
        ("redis://:canary@127.0.0.1:1", 75, "error: the user was disabled, but "),
        ("redis://:canary@127.0.0.1:port", 2, "error: sessions need a URL"),
    ] {
        let ran = site.run(&["--sessions", url, "disable", "alice"]);
        assert_eq!(ran.code, code, "{ran:?}");
        assert!(ran.err.starts_with(done) && !ran.err.contains("canary"), "{ran:?}");
    }
    assert!(site.done(&["show-user", "alice"]).contains("active       no"));
}

/// There is no way to write a password into the command line, and none is written anywhere.
#[test]
fn passwords_leave_no_trace() {
    let site = Site::new();
    for flag in ["--password", "--password=canary", "-p"] {
        let ran = site.run(&["create-user", "--username", "alice", flag]);
        assert_eq!(ran.code, 2, "{ran:?}");
    }
    let canary = "canary drinks cold tea";
    let ran = site.run_with(&["create-user", "--username", "alice", "--password-stdin"], canary);
    let again = site.run_with(&["create-user", "--username", "alice", "--password-stdin"], canary);
    let weak = site.run_with(&["set-password", "alice", "--password-stdin"], "canary");
    assert_eq!((ran.code, again.code, weak.code), (0, 1, 1));
    assert!(!format!("{ran:?}{again:?}{weak:?}").contains("canary"));
    for file in std::fs::read_dir(site.dir.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(6).any(|window| window == b"canary"));
    }
}
