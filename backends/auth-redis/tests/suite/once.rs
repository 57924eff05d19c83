//! `RedisOnce`: the public suite, and what the suite cannot see.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::cluster::nodes;
use crate::support::{NOW, ask, client, eventually, told};
use auth_core::conformance::once::{once_store, once_store_that_is_down};
use auth_core::once::{OnceId, OnceStore};
use auth_core::session::{Purpose, StoreError, StoreErrorKind};
use auth_core::time::Timestamp;
use auth_redis::RedisOnce;
use redis::Client;
use redis::cluster::ClusterClient;
use test_servers::{FaultProxy, Redis, Way};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

async fn the_contract(instances: [RedisOnce; 2]) {
    let cases = AtomicU32::new(0);
    instances[0].check().await.unwrap();
    once_store(async || {
        let case = format!("case:{}", cases.fetch_add(1, Ordering::Relaxed));
        [0, 1].map(|n: usize| Arc::new(instances[n].clone().with_prefix(&case).unwrap()))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_contract_is_kept() {
    let server = Redis::new().start();
    the_contract([store(&server), store(&server)]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_contract_is_kept_on_a_cluster() {
    let nodes = nodes().await;
    let client = ClusterClient::new(nodes.iter().map(Redis::url)).unwrap();
    let instances = [RedisOnce::cluster(&client).await.unwrap(), RedisOnce::cluster(&client).await.unwrap()];
    the_contract(instances).await;
}

fn store(server: &Redis) -> RedisOnce {
    RedisOnce::new(client(server)).unwrap()
}

fn later(seconds: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(seconds))
}

async fn used(store: &RedisOnce, id: &str, until: Timestamp) -> Result<bool, StoreError> {
    let purpose = Purpose::new("tests").unwrap();
    store.use_once(OnceId::new(&purpose, id).unwrap(), until, NOW).await
}

/// A minute after it is over, by whatever clock the application reckons, and with nothing of the id in its name.
#[tokio::test]
async fn entries_expire_by_themselves() {
    let server = Redis::new().start();
    let store = store(&server);
    assert!(used(&store, "canary", later(600)).await.unwrap());
    assert!(!used(&store, "canary", later(6_000)).await.unwrap());
    let mut server = client(&server).get_multiplexed_async_connection().await.unwrap();
    let keys: Vec<Vec<u8>> = redis::cmd("KEYS").arg("*").query_async(&mut server).await.unwrap();
    assert_eq!(keys.len(), 1);
    assert!(keys[0].starts_with(b"{auth}:o:") && keys[0].len() == 9 + 32, "{keys:?}");
    let left: u64 = redis::cmd("PTTL").arg(&keys[0]).query_async(&mut server).await.unwrap();
    assert!((601_000..=660_000).contains(&left), "a refusal changes nothing: {left}");
}

#[tokio::test]
async fn a_server_that_is_down_is_an_error_until_it_is_back() {
    let mut server = Redis::new().with("appendonly", "yes").with("appendfsync", "always").start();
    let store = store(&server);
    assert!(used(&store, "a", later(600)).await.unwrap());
    server.kill();
    once_store_that_is_down(&store).await;
    store.check().await.unwrap_err();
    server.start_again();
    eventually("the store recovers", async || used(&store, "other", later(600)).await.is_ok()).await;
    assert!(!used(&store, "a", later(600)).await.unwrap(), "it is on its disk");
}

/// The link asks again when the answer to its first question was lost: its own entry makes nobody else the first.
#[tokio::test]
async fn whose_answer_was_lost_is_still_the_first() {
    let server = Redis::new().start();
    let between = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = between.local_addr().unwrap().port();
    let url = server.url().replace(&format!(":{}", server.port()), &format!(":{port}"));
    let lost = tokio::spawn(loses_one_answer(between, server.port()));
    let store = RedisOnce::new(Client::open(url).unwrap()).unwrap();
    assert!(used(&store, "a", later(600)).await.unwrap(), "nobody else has it");
    assert!(!used(&store, "a", later(600)).await.unwrap());
    assert!(!used(&self::store(&server), "a", later(600)).await.unwrap());
    lost.abort();
}

/// Stands before a server, and loses the connection on which the first `SET` was answered.
async fn loses_one_answer(between: TcpListener, server: u16) {
    let mut loses = true;
    loop {
        let (mut client, _) = between.accept().await.unwrap();
        let mut server = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
        if !loses {
            tokio::spawn(async move { copy_bidirectional(&mut client, &mut server).await });
            continue;
        }
        let (mut asked, mut answered) = ([0; 4096], [0; 4096]);
        loop {
            tokio::select! {
                some = client.read(&mut asked) => {
                    let asked = &asked[..some.unwrap()];
                    server.write_all(asked).await.unwrap();
                    // `CLIENT SETINFO` has no such argument.
                    loses = !asked.windows(4).any(|word| word == b"NX\r\n");
                    if !loses {
                        // The server has done it.
                        assert!(server.read(&mut answered).await.unwrap() > 0);
                        break;
                    }
                }
                some = server.read(&mut answered) => client.write_all(&answered[..some.unwrap()]).await.unwrap(),
            }
        }
    }
}

/// A connection on which nothing comes back: nobody may, and what was noted meanwhile stays.
#[tokio::test]
async fn a_server_that_does_not_answer_is_an_error() {
    let server = Redis::new().start();
    let proxy = FaultProxy::before(server.port());
    let store = RedisOnce::new(Client::open(proxy.url(&server.url())).unwrap()).unwrap();
    assert!(used(&store, "a", later(600)).await.unwrap());
    for way in [Way::Swallows, Way::Cuts(0), Way::Resets, Way::Refuses] {
        proxy.set(way);
        once_store_that_is_down(&store).await;
    }
    proxy.set(Way::Passes);
    eventually("the store recovers", async || used(&store, "other", later(600)).await.is_ok()).await;
    assert!(!used(&store, "a", later(600)).await.unwrap());
}

/// Another value under the key does not make the id used.
#[tokio::test]
async fn a_key_of_another_type_is_an_error() {
    let server = Redis::new().start();
    let store = store(&server);
    let mut connection = client(&server).get_multiplexed_async_connection().await.unwrap();
    let purpose = Purpose::new("tests").unwrap();
    let key = [b"{auth}:o:", &OnceId::new(&purpose, "a").unwrap().key()[..]].concat();
    let _: () = redis::cmd("LPUSH").arg(&key).arg("x").query_async(&mut connection).await.unwrap();
    used(&store, "a", later(600)).await.unwrap_err();
}

#[tokio::test]
async fn a_server_that_evicts_or_is_full_is_named() {
    let server = Redis::new().with("maxmemory", "100mb").with("maxmemory-policy", "volatile-ttl").start();
    let text = told(&store(&server).check().await.unwrap_err());
    assert!(text.contains("set `maxmemory-policy` to `noeviction`"), "{text}");
    let server = Redis::new().with("maxmemory", "1").with("maxmemory-policy", "noeviction").start();
    let store = store(&server);
    let error = store.check().await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Full);
    assert!(told(&error).contains("raise `maxmemory`"), "{}", told(&error));
    assert_eq!(used(&store, "a", later(600)).await.unwrap_err().kind(), StoreErrorKind::Full);
}

/// What the documentation says a user needs, and nothing else.
#[tokio::test]
async fn whatever_is_missing_is_named() {
    let server = Redis::new().start();
    let limited = async |list: &[&str]| {
        let user = ["ACL", "SETUSER", "limited", "reset", "on", ">canary"];
        let _: () = ask(&server, &[&user, list].concat()).await;
        let url = server.url().replace(&format!(":{}", Redis::PASSWORD), "limited:canary");
        RedisOnce::new(Client::open(url).unwrap()).unwrap().check().await
    };
    limited(&["~{auth}:*", "+set", "+info"]).await.unwrap();
    let lists = [(["~{auth}:*", "+info"], "add `+set`"), (["~{auth}:*", "+set"], "add `+info`")];
    for (list, says) in lists {
        let text = told(&limited(&list).await.unwrap_err());
        assert!(text.contains(says) && !text.contains("canary"), "{text}");
    }
    let text = told(&limited(&["~other:*", "+set", "+info"]).await.unwrap_err());
    assert!(text.contains("add `~{auth}:*`"), "{text}");
    let _: () = ask(&server, &["REPLICAOF", "127.0.0.1", "1"]).await;
    let text = told(&store(&server).check().await.unwrap_err());
    assert!(text.contains("connect to the primary"), "{text}");
}
