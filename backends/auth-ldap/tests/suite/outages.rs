//! Servers that fail.

use std::time::Duration;

use test_servers::{FaultProxy, OpenLdap, Way};
use tokio::time::timeout;

use crate::mock::{Mock, Reply};
use crate::support::{SOON, UNAVAILABLE, WRONG, bound, eventually, settings, told};

/// How long a server is waited for that may be dead; one that lives answers earlier, however busy the machine is.
const FAILOVER: Duration = Duration::from_secs(3);

/// The next server is asked, within the time of all of it, whatever is wrong with the first.
#[tokio::test(flavor = "multi_thread")]
async fn the_next_server_is_asked() {
    let server = OpenLdap::new().start();
    for way in [Way::Refuses, Way::Swallows, Way::Resets, Way::Cuts(0), Way::Cuts(200)] {
        let proxy = FaultProxy::before(server.port());
        proxy.set(way);
        let directory = settings_of([proxy.url(&server.url()), server.url()], &server).build().unwrap();
        assert_eq!(told(&directory, "alice", "alicepw").await.as_deref(), Ok("alice"), "{way:?}");
        assert_eq!(told(&directory, "alice", "wrong").await, Err(WRONG), "{way:?}");
        // The one that failed is asked last for a while: the other answers before anything is lost there.
        let before = server.connections();
        proxy.set(Way::Passes);
        assert!(told(&directory, "alice", "alicepw").await.is_ok());
        assert_eq!(server.connections(), before, "{way:?}: nobody comes by way of the one that failed");
    }
}

/// A server that fails between logins is an outage in time, and none when it is back.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_comes_back_is_used_again() {
    let server = OpenLdap::new().start();
    for way in [Way::Refuses, Way::Swallows, Way::Resets, Way::Cuts(0), Way::Cuts(40)] {
        let proxy = FaultProxy::before(server.port());
        let directory = settings_of([proxy.url(&server.url())], &server).build().unwrap();
        assert!(told(&directory, "alice", "alicepw").await.is_ok());
        proxy.set(way);
        let answer = timeout(SOON, told(&directory, "alice", "alicepw")).await;
        assert_eq!(answer, Ok(Err(UNAVAILABLE)), "{way:?}");
        proxy.set(Way::Passes);
        eventually("it is used again", async || told(&directory, "alice", "alicepw").await.ok()).await;
    }
}

/// A server that was started anew: the connections that were kept are of no use.
#[tokio::test]
async fn a_restart_is_not_noticed() {
    let mut server = OpenLdap::new().start();
    let directory = settings(&server).build().unwrap();
    assert!(told(&directory, "alice", "alicepw").await.is_ok());
    server.kill();
    assert_eq!(told(&directory, "alice", "alicepw").await, Err(UNAVAILABLE));
    server.start_again();
    assert_eq!(told(&directory, "alice", "alicepw").await.as_deref(), Ok("alice"));
}

/// The second server takes over when the first hangs, connections that were kept included.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_is_left() {
    let server = OpenLdap::new().start();
    let proxy = FaultProxy::before(server.port());
    let directory = settings_of([proxy.url(&server.url()), server.url()], &server).build().unwrap();
    assert!(told(&directory, "alice", "alicepw").await.is_ok());
    proxy.set(Way::Swallows);
    assert_eq!(told(&directory, "alice", "alicepw").await.as_deref(), Ok("alice"), "a search is tried again");
}

/// No limit is infinite, and all of it has one.
#[tokio::test]
async fn all_of_it_has_a_limit() {
    let mock = Mock::start(|_| Reply::Silence).await;
    let hour = Duration::from_secs(3600);
    let directory = mock.settings().operation_timeout(hour).connect_timeout(hour);
    let directory = directory.timeout(Duration::from_millis(200)).build().unwrap();
    let answer = timeout(SOON, told(&directory, "alice", "alicepw")).await;
    assert_eq!(answer, Ok(Err(UNAVAILABLE)));
}

/// A bind is never tried again, since each counts as a wrong password; a search once.
#[tokio::test]
async fn binds_are_not_repeated() {
    let mock = Mock::answering(|_| Reply::SayAndEnd(vec![])).await;
    assert_eq!(told(&mock.directory(), "alice", "alicepw").await, Err(UNAVAILABLE));
    let count = |op| mock.asked().iter().filter(|asked| asked.op == op).count();
    assert_eq!((count(crate::mock::SEARCH), count(crate::mock::BIND)), (1, 1));

    let mock = Mock::start(|_| Reply::SayAndEnd(vec![])).await;
    assert_eq!(told(&mock.directory(), "alice", "alicepw").await, Err(UNAVAILABLE));
    assert_eq!(mock.asked().len(), 2, "searches");
}

/// A service account that is refused is nobody's wrong password.
#[tokio::test]
async fn a_refused_service_account_is_an_outage() {
    let server = OpenLdap::new().start();
    let directory = settings(&server).service_account(OpenLdap::SERVICE, "wrong").build().unwrap();
    assert_eq!(told(&directory, "alice", "alicepw").await, Err(UNAVAILABLE));
    assert_eq!(bound(&server), [OpenLdap::SERVICE], "and is not tried again and again");
}

fn settings_of(urls: impl IntoIterator<Item = String>, server: &OpenLdap) -> auth_ldap::LdapBuilder {
    let first = auth_ldap::Ldap::builder("example.org")
        .authorities(server.authority())
        .service_account(OpenLdap::SERVICE, OpenLdap::SERVICE_PASSWORD)
        .users(crate::support::PEOPLE, "(uid={username})")
        .connect_timeout(FAILOVER)
        .operation_timeout(FAILOVER)
        .timeout(SOON);
    urls.into_iter().fold(first, auth_ldap::LdapBuilder::server)
}
