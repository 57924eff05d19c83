//! Kinds of credentials, and what a backend may be.

use std::sync::Arc;

use auth_core::backend::{BackendError, DeclineReason, Outcome, backend_fn};
use auth_core::grant::Factor;
use auth_core::{Auth, Credentials, DeniedKind, Password, RequestFacts, Secret, User, UserId};
use integration_tests::accounts::Account;
use integration_tests::world::Events;

use crate::scripted::Says::{Accept, NotMine, Unknown};
use crate::scripted::Scripted;

/// A third party's kind of credentials.
#[derive(Clone, Debug)]
struct Coupon(Secret);

impl Credentials for Coupon {
    const KIND: &'static str = "coupon";
    const FACTOR: Factor = Factor::Password;

    fn subject(&self) -> Option<&str> {
        None
    }

    fn check(&self) -> Result<(), DeclineReason> {
        if self.0.is_empty() { Err(DeclineReason::Malformed) } else { Ok(()) }
    }
}

/// A backend is asked about its own kind only, also behind an `Arc`.
#[tokio::test]
async fn each_kind_has_its_own_chain() {
    let (tokens, passwords) = (Arc::new(Scripted::new(Accept)), Arc::new(Scripted::new(Accept)));
    let events = Events::default();
    let auth: Auth<Account> = Auth::builder()
        .backend::<Coupon>("coupons", Arc::clone(&tokens))
        .backend::<Password>("passwords", Arc::clone(&passwords))
        .observer(events.clone())
        .build()
        .unwrap();
    let none = RequestFacts::none();
    let done = auth.authenticate(Password::new("a", "b"), &none).await.unwrap();
    assert_eq!((done.backend().as_str(), tokens.asked(), passwords.asked()), ("passwords", 0, 1));
    let done = auth.authenticate(Coupon("canary".into()), &none).await.unwrap();
    assert_eq!((done.backend().as_str(), tokens.asked(), passwords.asked()), ("coupons", 1, 1));
    assert_eq!(events.take()[1], "login succeeded: coupon by coupons of 7");
    assert_eq!(auth.authenticate(Coupon("".into()), &none).await.unwrap_err().kind(), DeniedKind::Malformed);
}

#[tokio::test]
async fn a_kind_without_backend_is_nobodys() {
    let auth: Auth<Account> =
        Auth::builder().backend::<Password>("p", Scripted::new(Accept)).build().unwrap();
    let denied = auth.authenticate(Coupon("x".into()), &RequestFacts::none()).await.unwrap_err();
    assert_eq!((denied.kind(), denied.backend()), (DeniedKind::NoBackend, None));
}

/// A mistake inside a backend is no "not mine".
#[tokio::test]
async fn an_error_inside_is_not_a_skip() {
    let broken = backend_fn(
        |_: Password| async { Err::<Outcome<Account>, _>(BackendError::invalid_data("expected a number")) },
        |_| async { Ok(None) },
    );
    let last = Scripted::new(Accept);
    let auth: Auth<Account> = Auth::builder()
        .backend::<Password>("elsewhere", Scripted::new(NotMine))
        .backend::<Password>("broken", broken)
        .backend::<Password>("last", last.clone())
        .build()
        .unwrap();
    let denied = auth.authenticate(Password::new("a", "b"), &RequestFacts::none()).await.unwrap_err();
    assert_eq!((denied.kind(), denied.backend().unwrap().as_str()), (DeniedKind::Unavailable, "broken"));
    assert_eq!(last.asked(), 0);
}

/// A user type without a switch that turns it off, and with a UUID for a key.
#[tokio::test]
async fn other_user_types() {
    struct Robot(&'static str);
    impl User for Robot {
        fn id(&self) -> UserId {
            UserId::new(self.0).unwrap()
        }
        fn security_stamp(&self) -> &[u8] {
            b"never changes"
        }
        fn is_active(&self) -> bool {
            true
        }
    }
    const ID: &str = "67e55044-10b1-426f-9247-bb680e5fe0c8";
    let robots = backend_fn(
        |password: Password| async move {
            // What is called the user name is what the backend says: here an e-mail address.
            let known = password.username() == "robot@example.com";
            Ok(if known { Outcome::Accept(Robot(ID)) } else { Outcome::Decline(DeclineReason::UnknownUser) })
        },
        |id: UserId| async move { Ok((id.as_str() == ID).then_some(Robot(ID))) },
    );
    let auth: Auth<Robot> = Auth::builder().backend::<Password>("robots", robots).build().unwrap();
    let done = auth.authenticate(Password::new("robot@example.com", "x"), &RequestFacts::none()).await;
    assert_eq!(done.unwrap().user().id().as_str(), ID);
    assert!(!Robot(ID).has_permission("anything"));
}

/// The name is the configured one, and a name that is not configured vouches for nobody.
#[tokio::test]
async fn the_backend_is_known_by_its_configured_name() {
    let auth: Auth<Account> = Auth::builder()
        .backend::<Password>("ldap.corp-1_b", Scripted::new(Unknown))
        .backend::<Password>("local", Scripted::new(Accept))
        .build()
        .unwrap();
    let done = auth.authenticate(Password::new("a", "b"), &RequestFacts::none()).await.unwrap();
    assert_eq!(done.backend().as_str(), "local");
    let forged = auth.dangerous_authenticated(Account::new(1, "x"), "elsewhere");
    assert_eq!(forged.unwrap_err().to_string(), "no backend is named \"elsewhere\"");
    let named = auth.dangerous_authenticated(Account::new(1, "x"), "ldap.corp-1_b").unwrap();
    assert_eq!(named.backend().as_str(), "ldap.corp-1_b");
}
