//! A cluster of three.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::support::{NOW, ask, eventually, key, record};
use auth_core::conformance::store::session_store;
use auth_core::session::SessionStore;
use auth_redis::RedisSessions;
use redis::cluster::ClusterClient;
use test_servers::Redis;

/// Three nodes that share the slots.
pub(crate) async fn nodes() -> Vec<Redis> {
    let nodes: Vec<_> = (0..3).map(|_| Redis::new().with("cluster-enabled", "yes").start()).collect();
    let first = nodes[0].port().to_string();
    for (node, slots) in nodes.iter().zip([["0", "5460"], ["5461", "10922"], ["10923", "16383"]]) {
        let _: () = ask(node, &["CLUSTER", "ADDSLOTSRANGE", slots[0], slots[1]]).await;
        let _: () = ask(node, &["CLUSTER", "MEET", "127.0.0.1", &first]).await;
    }
    for node in &nodes {
        let complete = async || {
            let info: String = ask(node, &["CLUSTER", "INFO"]).await;
            info.contains("cluster_state:ok") && info.contains("cluster_slots_ok:16384")
        };
        eventually("the cluster is complete", complete).await;
    }
    nodes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_contract_is_kept_on_a_cluster() {
    let nodes = nodes().await;
    let client = ClusterClient::new(nodes.iter().map(Redis::url)).unwrap();
    let store = RedisSessions::cluster(&client).await.unwrap();
    store.check().await.unwrap();
    // Each prefix has a separate slot: the cases are spread over all nodes.
    let cases = AtomicU32::new(0);
    let empty = || {
        let case = cases.fetch_add(1, Ordering::Relaxed);
        store.clone().with_prefix(&format!("case:{case}")).unwrap()
    };
    session_store(async || empty()).await;
    for n in 0..30 {
        empty().create(&key(n), &record("7")).await.unwrap();
    }
    for node in &nodes {
        assert!(ask::<u64>(node, &["DBSIZE"]).await > 0, "a node without sessions");
    }
}

/// A client that knows no cluster is told so, and takes it for an outage.
#[tokio::test]
async fn a_session_on_another_node_is_not_absent() {
    let nodes = nodes().await;
    let mut outages = 0;
    for node in &nodes {
        match crate::support::store(node).load(&key(1), NOW).await {
            Ok(found) => assert_eq!(found, None),
            Err(_) => outages += 1,
        }
    }
    assert_eq!(outages, 2);
}
