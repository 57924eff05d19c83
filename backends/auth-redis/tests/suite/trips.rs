//! How often the server is asked, by its own count.

use crate::support::{LATER, NOW, ask, here, key, later, record, store, user};
use auth_core::session::{SessionStore, Written};
use test_servers::Redis;

/// How many commands the server was sent since the last reset, by name: what a script does inside is not sent.
async fn sent(server: &Redis) -> Vec<(String, u64)> {
    let stats: String = ask(server, &["INFO", "commandstats"]).await;
    let calls = stats.lines().filter_map(|line| {
        let (name, figures) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
        Some((name.to_owned(), figures.split(',').next()?.parse().ok()?))
    });
    // `connection` and the like are not asked for by an operation.
    let asked = |name: &str| ["eval", "script", "getex"].iter().any(|start| name.starts_with(start));
    let mut sent: Vec<_> = calls.filter(|(name, _)| asked(name)).collect();
    sent.sort();
    sent
}

/// Asserts that `work` sends these commands, each once.
async fn sends<T>(server: &Redis, commands: &[&str], what: &str, work: impl Future<Output = T>) -> T {
    let _: () = ask(server, &["CONFIG", "RESETSTAT"]).await;
    let answer = work.await;
    let expected: Vec<_> = commands.iter().map(|name| ((*name).to_owned(), 1)).collect();
    assert_eq!(sent(server).await, expected, "{what}");
    answer
}

/// Asserts that `work` sends one script.
async fn once<T>(server: &Redis, what: &str, work: impl Future<Output = T>) -> T {
    sends(server, &["evalsha"], what, work).await
}

#[tokio::test]
async fn every_operation_is_one_round_trip() {
    let server = Redis::new().start();
    let store = store(&server);
    let (user, record) = (user("7"), record("7"));
    // The first time, the server is told the scripts.
    for _ in 0..2 {
        store.create(&key(1), &record).await.unwrap();
        store.load(&key(1), NOW).await.unwrap();
        let _ = store.update(&key(1), 9, &record, NOW).await.unwrap();
        let _ = store.touch(&key(1), NOW, LATER).await.unwrap();
        let _ = store.rotate(&key(1), &later(1, 1), 9, &record, None, NOW).await.unwrap();
        store.trim_user(here(&user), 1, &key(1), NOW).await.unwrap();
        store.list_user(here(&user), NOW).await.unwrap();
        store.purge_expired(NOW, 1).await.unwrap();
        store.delete(&key(1)).await.unwrap();
        store.delete_user(here(&user), None).await.unwrap();
    }
    once(&server, "create", store.create(&key(1), &record)).await.unwrap();
    sends(&server, &["getex"], "load", store.load(&key(1), NOW)).await.unwrap().unwrap();
    sends(&server, &["getex"], "load of nothing", store.load(&key(9), NOW)).await.unwrap();
    assert_eq!(once(&server, "update", store.update(&key(1), 1, &record, NOW)).await.unwrap(), Written::Done);
    assert_eq!(once(&server, "touch", store.touch(&key(1), NOW, LATER)).await.unwrap(), Written::Done);
    let (old, new) = (key(1), later(1, 1));
    let rotation = store.rotate(&old, &new, 2, &record, Some(LATER), NOW);
    assert_eq!(once(&server, "rotate", rotation).await.unwrap(), Written::Done);
    // The server is told the script for it.
    store.load(&old, NOW).await.unwrap();
    let both = ["evalsha", "getex"];
    let by_alias = sends(&server, &both, "load by alias", store.load(&old, NOW)).await.unwrap().unwrap();
    assert_eq!(by_alias.key, new);
    once(&server, "trim_user", store.trim_user(here(&user), 1, &new, NOW)).await.unwrap();
    once(&server, "list_user", store.list_user(here(&user), NOW)).await.unwrap();
    once(&server, "purge_expired", store.purge_expired(NOW, 10)).await.unwrap();
    once(&server, "delete", store.delete(&new)).await.unwrap();
    once(&server, "delete_user", store.delete_user(here(&user), None)).await.unwrap();
}
