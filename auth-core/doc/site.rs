// Hidden set-up that the examples of `Session` include: one user, and the session of one request.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use auth_core::factors::{Factors, MemoryFactors};
use auth_core::http::adapter::{Begin, Layered};
use auth_core::http::{Header, RequestView};
use auth_core::second_factor::SecondFactor;
use auth_core::session::{KeyRing, MemorySessions, SessionConfig};
use auth_core::{Auth, MemoryBackend, Password, Passwords, Secret, Session, User, UserId};

#[derive(Clone)]
#[allow(dead_code)]
struct Member {
    id: i64,
    name: String,
    stamp: Vec<u8>,
}

impl User for Member {
    fn id(&self) -> UserId {
        UserId::from(self.id)
    }

    fn security_stamp(&self) -> &[u8] {
        &self.stamp
    }

    fn is_active(&self) -> bool {
        true
    }
}

#[allow(dead_code)]
struct Site {
    users: Arc<MemoryBackend<Member>>,
    auth: Auth<Member>,
}

#[allow(dead_code)]
impl Site {
    /// A site where `alice` signs in by `wonderland`.
    async fn new() -> Self {
        let users = Arc::new(MemoryBackend::new(Passwords::new().unwrap()));
        let alice = Member { id: 1, name: "Alice".into(), stamp: b"1".to_vec() };
        users.insert("alice", &Secret::new("wonderland"), alice).await.unwrap();
        let keys = KeyRing::generate().unwrap();
        let factors = Factors::new("Example", MemoryFactors::new(1_000), &keys).unwrap();
        let second = SecondFactor::new(factors).page("/factor");
        let second = second.trust_browsers(std::time::Duration::from_secs(30 * 24 * 60 * 60));
        let auth = Auth::builder()
            .backend::<Password>("local", Arc::clone(&users))
            .sessions(MemorySessions::new(1_000), SessionConfig::new(keys))
            .second_factor(second)
            .login_page("/login")
            .build()
            .unwrap();
        Self { users, auth }
    }

    /// The session of a request that presents nothing.
    fn request(&self) -> Session<Member> {
        let layered = Layered { shown: None, outer: None };
        let Begin::Call(exchange) = self.auth.begin(&Form, layered) else { unreachable!() };
        let session = exchange.session(&Form);
        // The request is not answered as long as the example goes on.
        std::mem::forget(exchange);
        session
    }

    /// The session of a request by Alice.
    async fn request_of_alice(&self) -> Session<Member> {
        let session = self.request();
        let alice = session.authenticate(Password::new("alice", "wonderland")).await.unwrap();
        let _ = session.login(alice).await.unwrap();
        session
    }
}

/// A form that was sent from a page of the site.
struct Form;

impl RequestView for Form {
    fn method(&self) -> &str {
        "POST"
    }

    fn target(&self) -> &str {
        "/"
    }

    fn authority(&self) -> Option<&str> {
        None
    }

    fn peer(&self) -> Option<IpAddr> {
        Some(Ipv4Addr::LOCALHOST.into())
    }

    fn is_unix_socket(&self) -> bool {
        false
    }

    fn is_encrypted(&self) -> bool {
        true
    }

    fn headers<'a>(&'a self, each: &mut dyn FnMut(&'a str, &'a [u8])) {
        each(Header::SecFetchSite.name(), b"same-origin");
        each(Header::Accept.name(), b"text/html");
    }
}
