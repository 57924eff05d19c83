//! SE-2: who reads the database cannot become anybody.

use std::borrow::Cow;
use std::net::IpAddr;
use std::process::Command;

use crate::support::{Db, Place, hex, on_every_database, secret};
use auth_core::http::{Begin, Header, RequestView, ResponseHeader, ResponseView, session};
use auth_core::session::KeyRing;
use auth_core::{Auth, Password, SessionConfig};
use auth_sql::{SqlSessions, SqlUser};
use test_servers::MariaDb;

on_every_database![the_database_holds_no_token_and_no_password,];

struct Request;

impl RequestView for Request {
    fn method(&self) -> &'static str {
        "POST"
    }
    fn target(&self) -> &'static str {
        "/login"
    }
    fn authority(&self) -> Option<&str> {
        None
    }
    fn peer(&self) -> Option<IpAddr> {
        None
    }
    fn values<'a>(&'a self, _: Header, _: &mut dyn FnMut(&'a [u8])) {}
}

#[derive(Default)]
struct Response(String);

impl ResponseView for Response {
    fn status(&self) -> u16 {
        200
    }
    fn values(&self, _: ResponseHeader, _: &mut dyn FnMut(&[u8])) {}
    fn set(&mut self, header: ResponseHeader, value: Cow<'static, str>) {
        self.append(header, value);
    }
    fn set_if_absent(&mut self, header: ResponseHeader, value: Cow<'static, str>) -> bool {
        self.append(header, value);
        true
    }
    fn append(&mut self, header: ResponseHeader, value: Cow<'static, str>) {
        if header == ResponseHeader::SetCookie {
            self.0 = value.into();
        }
    }
}

/// Signs in over HTTP and gives the cookie's value.
async fn cookie(auth: &Auth<SqlUser>) -> String {
    let Begin::Call(reading) = auth.begin(&Request) else { panic!("the request presents nothing") };
    let mut frame = auth.frame(reading);
    let session = frame.enter(|| session::<SqlUser>(&Request)).unwrap();
    let alice = session.authenticate(Password::new("alice", "canary-password")).await.unwrap();
    session.login(alice).await.unwrap();
    let mut response = Response::default();
    frame.finish(&mut response);
    let (_, value) = response.0.split(';').next().and_then(|pair| pair.split_once('=')).unwrap();
    value.into()
}

async fn the_database_holds_no_token_and_no_password(place: &Place) {
    let db = place.db().await;
    let users = db.users().await;
    users.create_user("alice", Some(&secret("canary-password"))).await.unwrap();
    let store = SqlSessions::new(db.database());
    store.migrate().await.unwrap();
    let config = SessionConfig::new(KeyRing::generate().unwrap());
    let auth = Auth::builder().backend::<Password>("local", users).sessions(store, config).build().unwrap();

    let token = cookie(&auth).await;
    assert_eq!(token.len(), 43);
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
    assert!(!holds(&decoded(&token)), "nor in binary");
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

fn decoded(base64url: &str) -> Vec<u8> {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let sextet = |byte: u8| (0_u8..).zip(alphabet).find(|(_, symbol)| **symbol == byte).unwrap().0;
    let bits: Vec<_> =
        base64url.bytes().flat_map(|byte| (0..6).rev().map(move |n| sextet(byte) >> n & 1)).collect();
    bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |value, bit| value << 1 | bit)).collect()
}
