//! That nothing is said to a server but by TLS with the right one.

use std::fmt::Write as _;
use std::time::Duration;

use auth_ldap::{Ldap, LdapBuilder};
use test_servers::{Certificate, FaultProxy, OpenLdap, Way};
use tokio::net::{TcpListener, TcpStream};

use crate::mock::{Asked, BIND, BIND_ANSWER, EXTENDED, Mock, Reply, SEARCH, START_TLS, message, result};
use crate::support::{PEOPLE, UNAVAILABLE, bound, told};

#[tokio::test]
async fn tls_is_used_from_the_start_or_by_start_tls() {
    let server = OpenLdap::new().with("localSSF", "256").with("security", "simple_bind=128").start();
    for url in [server.url(), server.tls_url(), server.tls_url().replace("127.0.0.1", "localhost")] {
        let directory = settings_at(&url, server.authority()).build().unwrap();
        assert_eq!(told(&directory, "alice", "alicepw").await.as_deref(), Ok("alice"), "{url}");
    }
    let clear = settings_at(&server.url(), "").insecure_without_tls();
    assert!(clear.build().is_err(), "TLS is set up, and not used");
}

/// A socket of this machine needs no TLS.
#[tokio::test]
async fn a_socket_is_a_way_too() {
    let server = OpenLdap::new().start();
    let mut path = String::new();
    for byte in server.folder().join("ldapi").to_str().unwrap().bytes() {
        write!(path, "%{byte:02x}").unwrap();
    }
    let directory = Ldap::builder("example.org")
        .server(format!("ldapi://{path}"))
        .service_account(OpenLdap::SERVICE, OpenLdap::SERVICE_PASSWORD)
        .users(PEOPLE, "(uid={username})")
        .build()
        .unwrap();
    assert_eq!(told(&directory, "alice", "alicepw").await.as_deref(), Ok("alice"));
}

/// Who cannot show that it is the directory is told nothing.
#[tokio::test]
async fn a_server_must_be_vouched_for() {
    let server = OpenLdap::new().start();
    let other = Certificate::new().authority;
    let elsewhere = elsewhere(server.tls_url()).await;
    let table = [
        ("another authority", server.url(), other.clone()),
        ("another authority, ldaps", server.tls_url(), other),
        ("another name", elsewhere.clone(), server.authority().to_owned()),
    ];
    for (name, url, authority) in table {
        let directory = settings_at(&url, &authority).build().unwrap();
        assert_eq!(told(&directory, "alice", "alicepw").await, Err(UNAVAILABLE), "{name}");
    }
    let system = Ldap::builder("example.org").server(server.tls_url()).anonymous_search();
    match system.users(PEOPLE, "(uid={username})").build() {
        Ok(directory) => assert_eq!(told(&directory, "alice", "alicepw").await, Err(UNAVAILABLE)),
        Err(error) => assert!(error.to_string().contains("the system trusts no certificates"), "{error}"),
    }
    assert_eq!(bound(&server), [""; 0]);
}

/// A way to the server by an address that its certificate does not have.
async fn elsewhere(url: String) -> String {
    let port = url.rsplit_once(':').unwrap().1.parse::<u16>().unwrap();
    let listener = TcpListener::bind("127.0.0.2:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let mut far = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut near, &mut far).await });
        }
    });
    format!("ldaps://{address}")
}

type Replying = Box<dyn Fn(&Asked) -> Reply + Send + Sync>;

/// A server that does not do `StartTLS`, or answers anything else, is never bound to.
#[tokio::test]
async fn without_start_tls_nothing_is_said() {
    let yes = |asked: &Asked| result(asked.id, EXTENDED, 0, b"");
    let replies: Vec<(&str, Replying)> = vec![
        ("refused", Box::new(|asked| Reply::Say(result(asked.id, EXTENDED, 52, b"")))),
        ("unknown", Box::new(|asked| Reply::Say(result(asked.id, EXTENDED, 2, b"")))),
        ("a referral", Box::new(|asked| Reply::Say(result(asked.id, EXTENDED, 10, b"")))),
        ("success of a bind", Box::new(|asked| Reply::Say(result(asked.id, BIND_ANSWER, 0, b"")))),
        ("success of another request", Box::new(|asked| Reply::Say(result(asked.id + 1, EXTENDED, 0, b"")))),
        ("yes, and no TLS", Box::new(move |asked| Reply::Say(yes(asked)))),
        ("yes, and the end", Box::new(move |asked| Reply::SayAndEnd(yes(asked)))),
        (
            "yes, and more in the clear",
            Box::new(move |asked| Reply::Say([yes(asked), result(1, BIND_ANSWER, 0, b"")].concat())),
        ),
        ("no result", Box::new(|asked| Reply::Say(message(asked.id, EXTENDED, b"")))),
        ("garbage", Box::new(|_| Reply::Say(vec![0xFF; 100]))),
        ("without end", Box::new(|_| Reply::Forever(vec![0x30, 0x82, 0x0F, 0xF0, 0, 0]))),
        ("silence", Box::new(|_| Reply::Silence)),
        ("the end", Box::new(|_| Reply::SayAndEnd(vec![]))),
    ];
    for (name, reply) in replies {
        let mock = Mock::start(reply).await;
        let directory = Ldap::builder("mock")
            .server(mock.url())
            .authorities(Certificate::new().authority)
            .service_account("cn=service", "canary")
            .users("dc=example", "(uid={username})")
            .connect_timeout(Duration::from_secs(2))
            .build()
            .unwrap();
        assert_eq!(told(&directory, "alice", "canary").await, Err(UNAVAILABLE), "{name}");
        let asked = mock.asked();
        assert_eq!(asked[0].op, START_TLS);
        // What may follow is the beginning of TLS: it is no message, and there is no secret in it.
        assert!(!asked.iter().any(|asked| [BIND, SEARCH].contains(&asked.op)), "{name}");
        assert!(!asked.iter().any(|asked| has(&asked.bytes, b"canary")), "{name}");
    }
}

/// A connection that is cut while TLS begins.
#[tokio::test]
async fn half_of_tls_is_none() {
    let server = OpenLdap::new().start();
    for bytes in [0, 1, 14, 20, 100, 700] {
        let proxy = FaultProxy::before(server.port());
        proxy.set(Way::Cuts(bytes));
        let directory = settings_at(&proxy.url(&server.url()), server.authority()).build().unwrap();
        assert_eq!(told(&directory, "alice", "alicepw").await, Err(UNAVAILABLE), "{bytes}");
        proxy.set(Way::Passes);
        assert_eq!(told(&directory, "alice", "alicepw").await.as_deref(), Ok("alice"), "{bytes}");
    }
}

fn settings_at(url: &str, authority: &str) -> LdapBuilder {
    Ldap::builder("example.org")
        .server(url)
        .authorities(authority)
        .service_account(OpenLdap::SERVICE, OpenLdap::SERVICE_PASSWORD)
        .users(PEOPLE, "(uid={username})")
}

fn has(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
