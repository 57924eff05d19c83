//! The check at the start of a program: it tries what will be needed, names what is missing, and leaves nothing.

use std::error::Error;

use crate::support::{ask, store, told};
use auth_core::session::StoreErrorKind;
use auth_redis::RedisSessions;
use test_servers::Redis;

/// What a user needs, as the documentation says: patterns of keys, then commands.
fn access_list() -> Vec<&'static str> {
    let list = include_str!("../../src/lib.rs").split("```text\n").nth(1).unwrap();
    let list = list.split("//! ```").next().unwrap();
    list.split_whitespace().filter(|word| *word != "//!").collect()
}

/// A store whose user is `limited`, and may do what this list says.
async fn limited(server: &Redis, list: &[&str]) -> RedisSessions {
    let user = ["ACL", "SETUSER", "limited", "reset", "on", ">canary"];
    let _: () = ask(server, &[&user, list].concat()).await;
    let url = server.url().replace(&format!(":{}", Redis::PASSWORD), "limited:canary");
    RedisSessions::new(redis::Client::open(url).unwrap()).unwrap()
}

#[track_caller]
fn assert_told(answer: Result<(), impl Error + 'static>, says: &str) {
    let text = told(&answer.expect_err(says));
    assert!(text.contains(says) && !text.contains("canary"), "{says:?} is not told: {text}");
}

#[tokio::test]
async fn nothing_is_left_of_it() {
    let server = Redis::new().start();
    let store = store(&server);
    for _ in 0..3 {
        store.check().await.unwrap();
        assert_eq!(ask::<u64>(&server, &["DBSIZE"]).await, 0);
    }
}

/// Each command that is needed, and nothing else.
#[tokio::test]
async fn whatever_command_is_missing_is_named() {
    let server = Redis::new().start();
    let all = access_list();
    limited(&server, &all).await.check().await.unwrap();
    let commands = all.iter().filter(|word| word.starts_with('+'));
    for missing in commands {
        let list: Vec<_> = all.iter().copied().filter(|word| word != missing).collect();
        assert_told(limited(&server, &list).await.check().await, &format!("add `{missing}`"));
        // What needs the missing command itself stays for a minute.
        let needed = ["+evalsha", "+eval", "+getex", "+info", "+get", "+getrange", "+del", "+zrem"];
        if !needed.contains(missing) {
            assert_eq!(ask::<u64>(&server, &["DBSIZE"]).await, 0, "without {missing}");
        }
        let _: () = ask(&server, &["FLUSHALL"]).await;
    }
}

#[tokio::test]
async fn keys_that_are_out_of_reach_are_named() {
    let server = Redis::new().start();
    let list = access_list();
    let commands = list.iter().copied().filter(|word| word.starts_with('+'));
    let list: Vec<_> = std::iter::once("~other:*").chain(commands).collect();
    assert_told(limited(&server, &list).await.check().await, "add `~{auth}:*`");
}

#[tokio::test]
async fn a_replica_is_named() {
    let server = Redis::new().start();
    let store = store(&server);
    let _: () = ask(&server, &["REPLICAOF", "127.0.0.1", "1"]).await;
    assert_told(store.check().await, "connect to the primary");
}

#[tokio::test]
async fn a_server_that_is_full_is_named() {
    let server = Redis::new().with("maxmemory", "1").with("maxmemory-policy", "noeviction").start();
    let error = store(&server).check().await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Full);
    assert_told(Err(error), "raise `maxmemory`");
}
