//! Passkeys where a site asks for a second factor: what lacks one is nobody's, by whichever way somebody comes.

use std::sync::Arc;

use auth_core::conformance::client;
use auth_core::factors::FactorKind;
use auth_core::http::Login;
use auth_core::second_factor::{Need, Needs, SecondFactor};
use auth_core::session::{KeyRing, MemorySessions, SessionConfig, SessionErrorKind};
use auth_core::{Auth, Password, Session};
use auth_passkeys::UserVerification;

use crate::device::{Device, UP, UV};
use crate::support::{Account, Browser, Site, alice, bob};

/// The site, whose users all need two factors.
fn strict(site: &Site) -> Auth<Account> {
    let config = SessionConfig::new(KeyRing::generate().unwrap()).insecure_cookies();
    let factors = Arc::clone(site.one().factors());
    Auth::builder()
        .backend("passkeys", Arc::clone(&site.passkeys[0]))
        .backend::<Password>("local", Arc::clone(&site.users))
        .sessions(MemorySessions::new(100), config)
        .second_factor(SecondFactor::new(factors).policy(|_, _| Needs::second_factor()))
        .clock(Arc::clone(&site.clock))
        .build()
        .unwrap()
}

async fn by_password(session: &Session<Account>, name: &str) -> Login<Account> {
    let authenticated = session.authenticate(Password::new(name, name)).await.unwrap();
    session.login(authenticated).await.unwrap()
}

#[tokio::test]
async fn a_passkey_with_verification_is_two_factors_and_one_without_is_one() {
    let site = Site::with(|passkeys| passkeys.user_verification(UserVerification::Preferred));
    let auth = strict(&site);
    let mut device = Device::new(b"phone");
    site.register(&mut device, &alice()).await;
    for (flags, is_enough) in [(UP | UV, true), (UP, false)] {
        device.flags = flags;
        let (session, mut browser) = (client::session(&auth), Browser::default());
        let options = site.begin_login(&mut browser);
        let assertion = site.one().assertion(browser.cookies(), &device.get(&options));
        let login = session.login(session.authenticate(assertion).await.unwrap()).await.unwrap();
        assert_eq!((login.user().is_some(), session.user().is_some()), (is_enough, is_enough), "{flags:b}");
    }
}

#[tokio::test]
async fn a_passkey_finishes_a_login_that_a_password_began() {
    let site = Site::new();
    let auth = strict(&site);
    let (mut hers, mut his) = (Device::new(b"phone").with_flags(UP), Device::new(b"other"));
    site.register(&mut hers, &alice()).await;
    site.register(&mut his, &bob()).await;
    let (session, mut browser) = (client::session(&auth), Browser::default());
    assert!(by_password(&session, "alice").await.user().is_none());
    let pending = session.pending().await.unwrap().unwrap();
    assert_eq!(pending.needs(), [Need::SecondFactor]);
    assert!(pending.enrolled().has(FactorKind::Passkey));

    // Another's passkey, by which he may sign in elsewhere, is none of hers.
    let options = site.begin_login(&mut browser);
    let assertion = site.one().assertion(browser.cookies(), &his.get(&options));
    let refused = session.add(session.authenticate(assertion).await.unwrap()).await;
    assert_eq!(refused.unwrap_err().kind(), SessionErrorKind::OtherUser);
    assert!(session.user().is_none());

    let options = site.begin_second(&mut browser, &alice()).await;
    let assertion = site.one().assertion(browser.cookies(), &hers.get(&options));
    let login = session.add(session.authenticate(assertion).await.unwrap()).await.unwrap();
    assert!(login.user().is_some());
    assert_eq!(session.backend(), Some(alice().backend));
}

/// A user who must have a factor, and has none yet, enrols one at the login.
#[tokio::test]
async fn registering_one_finishes_a_login_that_wants_it() {
    let site = Site::new();
    let auth = strict(&site);
    let (session, mut browser) = (client::session(&auth), Browser::default());
    assert!(by_password(&session, "alice").await.user().is_none());
    let own = session.factors().await.unwrap();
    assert_eq!(own.owner(), alice());
    let begun =
        site.one().begin_enrolment(browser.cookies(), &own, "alice@example.com", "Alice").await.unwrap();
    let response = Device::new(b"phone").create(&browser.keep(begun));
    let cookies = browser.cookies();
    let login = site.one().finish_enrolment(cookies, &own, "phone", &response).await.unwrap();
    assert!(login.user().is_some() && session.user().is_some());
}
