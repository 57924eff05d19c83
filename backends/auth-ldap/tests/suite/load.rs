//! Many at once, and those who go away.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use auth_core::{Auth, Password, RequestFacts};
use auth_ldap::Ldap;
use test_servers::OpenLdap;

use crate::mock::{BIND, BIND_ANSWER, Mock, Reply, result};
use crate::support::{UNAVAILABLE, WRONG, backend, eventually, settings, told};

const LOGINS: usize = 2_000;
const USERS: usize = 200;
const AT_ONCE: usize = 32;
const CONNECTIONS: usize = 8;

/// 2,000 logins of 200 users, 32 at once: each is who it says, with the password that is theirs, over no more
/// connections than were allowed.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_taken_for_another() {
    let server = OpenLdap::new().start();
    let directory = settings(&server).connections(CONNECTIONS).build().unwrap();
    let next = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> =
        (0..AT_ONCE).map(|_| tokio::spawn(some_logins(directory.clone(), next.clone()))).collect();
    for task in tasks {
        task.await.unwrap();
    }
    let opened = server.connections();
    assert!(opened <= 2 * CONNECTIONS, "{opened} connections for searches and binds");
    let binds = server.binds();
    assert_eq!(binds.iter().filter(|dn| dn.starts_with("uid=")).count(), LOGINS);
    assert!(binds.iter().filter(|dn| *dn == OpenLdap::SERVICE).count() <= CONNECTIONS);
}

async fn some_logins(directory: Ldap, next: Arc<AtomicUsize>) {
    loop {
        let n = next.fetch_add(1, Ordering::Relaxed);
        if n >= LOGINS {
            return;
        }
        let user = format!("u{:03}", n % USERS);
        // Once for each, in another round: the password of the one who logs in beside.
        if n / USERS == n % 10 {
            let other = format!("u{:03}pw", (n + 1) % USERS);
            assert_eq!(told(&directory, &user, &other).await, Err(WRONG), "{user} with {other}");
        } else {
            assert_eq!(told(&directory, &user, &format!("{user}pw")).await, Ok(user));
        }
    }
}

/// Clients that go away in the middle of a login, at any point: a late answer is nobody's.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_comes_late_is_nobodys() {
    let server = OpenLdap::new().start();
    let directory = settings(&server).connections(1).build().unwrap();
    for n in 0..100_u64 {
        let (directory, user) = (directory.clone(), format!("u{:03}", n % 200));
        let login = tokio::spawn(async move { told(&directory, &user, &format!("{user}pw")).await });
        tokio::time::sleep(Duration::from_micros(n * 37)).await;
        login.abort();
        _ = login.await;
    }
    assert_eq!(told(&directory, "alice", "wrong").await, Err(WRONG), "nobody else's success");
    assert_eq!(told(&directory, "alice", "alicepw").await.as_deref(), Ok("alice"));
}

/// The same, step by step: the first bind is not answered before its client went away and the next one asked.
#[tokio::test]
async fn a_late_success_is_not_the_next_ones() {
    let binds = AtomicUsize::new(0);
    let wrong = |id| result(id, BIND_ANSWER, 49, b"");
    let mock = Mock::answering(move |asked| match (binds.fetch_add(1, Ordering::Relaxed), asked.id) {
        (0, _) => Reply::Silence,
        (_, 1) => Reply::Say(wrong(1)),
        // On the same connection: what the first one waited for comes first.
        (_, id) => Reply::Say([result(id - 1, BIND_ANSWER, 0, b""), wrong(id)].concat()),
    })
    .await;
    let directory = mock.settings().connections(1).build().unwrap();
    let first = tokio::spawn({
        let directory = directory.clone();
        async move { told(&directory, "alice", "alicepw").await }
    });
    let asked = async || mock.asked().iter().any(|asked| asked.op == BIND).then_some(());
    eventually("the first bind", asked).await;
    first.abort();
    _ = first.await;
    assert_eq!(told(&directory, "alice", "wrong").await, Err(WRONG), "on a connection of its own");
}

/// More than may wait are turned away, and those who wait do so within their time.
#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_has_an_end() {
    let mock = Mock::start(|_| Reply::Silence).await;
    let directory = mock.settings().connections(1).timeout(Duration::from_secs(3)).build().unwrap();
    let auth = Auth::builder().backend::<Password>("directory", backend(&directory)).build().unwrap();
    let logins = (0..400).map(|n| {
        let auth = auth.clone();
        tokio::spawn(async move {
            let answer = auth.authenticate(Password::new(format!("u{n}"), "x"), &RequestFacts::none()).await;
            answer.map(|_| ()).map_err(|denied| denied.kind())
        })
    });
    for login in logins.collect::<Vec<_>>() {
        assert_eq!(login.await.unwrap(), Err(UNAVAILABLE));
    }
    assert!(mock.asked().len() < 20, "one waits for the other: {}", mock.asked().len());
}
