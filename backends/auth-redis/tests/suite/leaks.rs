//! Who reads the server's memory cannot become anybody.

use std::path::Path;

use crate::support::{LIMIT, ask, store};
use auth_core::conformance::client::log_in;
use auth_core::password::Argon2Cost;
use auth_core::session::{KeyRing, SessionConfig};
use auth_core::{Auth, BackendPolicy, MemoryBackend, Password, Passwords, Secret, User, UserId};
use test_servers::Redis;

#[derive(Clone)]
struct Alice;

impl User for Alice {
    fn id(&self) -> UserId {
        UserId::new("alice").unwrap()
    }
    fn security_stamp(&self) -> &[u8] {
        b"canary-stamp"
    }
    fn is_active(&self) -> bool {
        true
    }
}

#[tokio::test]
async fn the_server_holds_no_token() {
    let server = Redis::new().with("slowlog-log-slower-than", "0").start();
    let cost = Argon2Cost::dangerous_weak(16, 1, 1).unwrap();
    let users = MemoryBackend::new(Passwords::builder().cost(cost).threads(1).wait(LIMIT).build().unwrap());
    users.insert("alice", &Secret::new("canary-password"), Alice).await.unwrap();
    let config = SessionConfig::new(KeyRing::generate().unwrap()).store_timeouts(LIMIT, LIMIT);
    let auth = Auth::builder().chain_timeout(LIMIT);
    let patient = BackendPolicy::new().timeout(LIMIT);
    let auth = auth.backend_with::<Password>("local", users, patient).sessions(store(&server), config);
    let token = log_in(&auth.build().unwrap(), Password::new("alice", "canary-password")).await;
    assert_eq!(token.len(), 44);

    // The log of all writes, then the whole memory, and what the server remembers of commands.
    let mut dump = files(server.folder());
    let commands: redis::Value = ask(&server, &["SLOWLOG", "GET", "-1"]).await;
    dump.extend(format!("{commands:?}").into_bytes());
    let _: () = ask(&server, &["SAVE"]).await;
    dump.extend(files(server.folder()));
    let holds = |needle: &[u8]| dump.windows(needle.len()).any(|window| window == needle);
    assert!(holds(b"local:alice") && holds(b"EVALSHA"), "the dump is one");
    assert!(!holds(b"canary"));
    for half in [&token[..22], &token[22..]] {
        assert!(!holds(half.as_bytes()));
        assert!(!holds(&decoded(half)), "nor in binary");
    }
}

/// All files in a folder and those in it.
fn files(folder: &Path) -> Vec<u8> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { std::fs::read(path).unwrap() }).collect()
}

fn decoded(base64url: &str) -> Vec<u8> {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let sextet = |byte: u8| (0_u8..).zip(alphabet).find(|(_, symbol)| **symbol == byte).unwrap().0;
    let bits: Vec<_> =
        base64url.bytes().flat_map(|byte| (0..6).rev().map(move |n| sextet(byte) >> n & 1)).collect();
    bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |value, bit| value << 1 | bit)).collect()
}
