//! Who reads the database cannot become anybody.

use std::process::Command;

use crate::support::{Db, LIMIT, PATIENT, Place, hex, on_every_database, secret};
use auth_core::conformance::client::log_in;
use auth_core::session::KeyRing;
use auth_core::{Auth, Password, SessionConfig};
use auth_sql::SqlSessions;
use test_servers::MariaDb;

on_every_database![the_database_holds_no_token_and_no_password,];

async fn the_database_holds_no_token_and_no_password(place: &Place) {
    let db = place.db().await;
    let users = db.users().await;
    users.create_user("alice", Some(&secret("canary-password"))).await.unwrap();
    let store = SqlSessions::new(db.database());
    store.migrate().await.unwrap();
    let config = SessionConfig::new(KeyRing::generate().unwrap()).store_timeouts(LIMIT, LIMIT);
    let auth = Auth::builder().chain_timeout(LIMIT).backend_with::<Password>("local", users, PATIENT);
    let auth = auth.sessions(store, config).build().unwrap();

    let token = log_in(&auth, Password::new("alice", "canary-password")).await;
    let halves = token.as_bytes().split_at(22);
    assert_eq!(halves.1.len(), 22);
    assert_eq!(db.count("SELECT count(*) FROM auth_sessions").await, 1);
    let dump = dump(place, &db);
    let holds = |needle: &[u8]| {
        let hex = hex(needle).into_bytes();
        let finds =
            |needle: &[u8]| dump.windows(needle.len()).any(|window| window.eq_ignore_ascii_case(needle));
        finds(needle) || finds(&hex)
    };
    assert!(holds(b"alice"), "the dump is one");
    assert!(!holds(token.as_bytes()) && !holds(b"canary-password"));
    for half in [halves.0, halves.1] {
        assert!(!holds(half), "nor a part of it");
        assert!(!holds(&decoded(half)), "nor in binary");
    }
}

/// All files of an embedded database, the write-ahead log among them; what its own program dumps of a server's.
fn dump(place: &Place, db: &Db) -> Vec<u8> {
    let mut command = match place {
        Place::Sqlite => {
            let files = std::fs::read_dir(db.dir.path()).unwrap();
            return files.flat_map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect();
        }
        Place::Postgres(server) => {
            let mut command = Command::new("pg_dump");
            command.args(["--dbname", &server.url(), "--schema", &db.name]);
            command
        }
        Place::PgBouncer(_) => unreachable!("what is dumped is the server's"),
        Place::MariaDb(server) => {
            let mut command = Command::new("mariadb-dump");
            command.args(["--no-defaults", "--hex-blob", "-h127.0.0.1", "-uapp"]);
            command.args([&format!("-P{}", server.port()), &format!("-p{}", MariaDb::PASSWORD), &db.name]);
            command
        }
    };
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn decoded(base64url: &[u8]) -> Vec<u8> {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let sextet = |byte: u8| (0_u8..).zip(alphabet).find(|(_, symbol)| **symbol == byte).unwrap().0;
    let bits: Vec<_> =
        base64url.iter().flat_map(|byte| (0..6).rev().map(move |n| sextet(*byte) >> n & 1)).collect();
    bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |value, bit| value << 1 | bit)).collect()
}
