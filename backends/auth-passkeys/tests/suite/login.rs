//! Somebody signs in by a passkey alone, or adds one to a first proof.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use auth_core::conformance::client;
use auth_core::factors::Factors;
use auth_core::grant::Factor;
use auth_core::session::KeyRing;
use auth_core::{Auth, DeniedKind, Password, RequestFacts};
use auth_jws::Algorithm;
use auth_passkeys::{PasskeyErrorKind, Passkeys, UserVerification};
use serde_json::{Value, json};
use test_tokens::encode;

use crate::device::{BE, BS, Device, UP, UV};
use crate::support::{Browser, SECRET, Site, alice, bob, owner};

const WRONG: DeniedKind = DeniedKind::WrongSecret;

#[tokio::test]
async fn a_passkey_signs_its_owner_in() {
    let site = Site::new();
    for (algorithm, id, whose) in
        [(Algorithm::Es256, &b"phone"[..], alice()), (Algorithm::Rs256, b"laptop", bob())]
    {
        let mut device = Device::of(algorithm, id).with_flags(UP | UV | BE | BS);
        site.register(&mut device, &whose).await;
        let signed_in = site.log_in(&device).await.unwrap();
        assert_eq!(signed_in.owner, whose, "sessions are of their owner's backend");
        assert_eq!(signed_in.factors(), [Factor::Passkey, Factor::UserVerification]);
        assert!(signed_in.grant.scopes().is_all());
        let told = site.told.take();
        assert_eq!(told, [format!("local/{}: login succeeded: passkey", whose.user)]);
        let kept = site.one().factors().list(&whose).await.unwrap();
        assert!(kept[0].last_used.is_some());
    }
}

/// Every page gets the same challenge options, whatever the user.
#[tokio::test]
async fn a_login_page_tells_nobody_who_has_a_passkey() {
    let site = Site::new();
    let ask = || {
        let options: Value = serde_json::from_str(&site.begin_login(&mut Browser::default())).unwrap();
        options
    };
    let before = ask();
    site.register(&mut Device::new(b"phone"), &alice()).await;
    let mut after = ask();
    assert_ne!(before["challenge"], after["challenge"]);
    after["challenge"] = before["challenge"].clone();
    assert_eq!(before, after);
    assert_eq!((&before["allowCredentials"], &before["rpId"]), (&json!([]), &json!("example.com")));
    assert_eq!(before["userVerification"], "required");
}

#[tokio::test]
async fn a_session_that_a_passkey_began_is_loaded_from_its_owners_backend() {
    let site = Site::new();
    let mut device = Device::new(b"phone");
    site.register(&mut device, &alice()).await;
    let (mut asked, mut browser) = (Browser::default(), client::Browser::new("test"));
    let options = site.begin_login(&mut asked);
    let assertion = site.one().assertion(asked.cookies(), &device.get(&options));
    browser.log_in(&site.auth[0], assertion).await;
    assert!(browser.is_logged_in(&site.auth[0]).await);
    site.users.delete("alice");
    assert!(!browser.is_logged_in(&site.auth[0]).await, "that backend alone knows who is there");
}

#[tokio::test]
async fn a_second_factor_is_the_users_own() {
    let site = Site::new();
    let (mut hers, mut second, mut his) =
        (Device::new(b"phone").with_flags(UP), Device::new(b"key"), Device::new(b"other"));
    site.register(&mut hers, &alice()).await;
    site.clock.advance(Duration::from_secs(1));
    site.register(&mut second, &alice()).await;
    site.register(&mut his, &bob()).await;
    let mut browser = Browser::default();
    let options = site.begin_second(&mut browser, &alice()).await;
    let parsed: Value = serde_json::from_str(&options).unwrap();
    let asked: Vec<_> =
        parsed["allowCredentials"].as_array().unwrap().iter().map(|one| one["id"].clone()).collect();
    assert_eq!(asked, [json!(encode(b"phone")), json!(encode(b"key"))]);
    assert_eq!(parsed["userVerification"], "preferred");
    assert!(hers.is_asked(&options) && !his.is_asked(&options));

    let refused = site.submit(&browser, &his.get(&options)).await.unwrap_err();
    assert_eq!(refused.kind(), WRONG, "another's passkey is no factor of hers");
    let options = site.begin_second(&mut browser, &alice()).await;
    let given = site.submit(&browser, &hers.get(&options)).await.unwrap();
    assert_eq!(given.factors(), [Factor::Passkey], "that the device is there is one factor");
    // One that keeps no handle, as small security keys.
    second.handle = None;
    let options = site.begin_second(&mut browser, &alice()).await;
    let given = site.submit(&browser, &second.get(&options)).await.unwrap();
    assert_eq!(given.factors(), [Factor::Passkey, Factor::UserVerification]);
    let none = site.one().begin_second_factor(browser.cookies(), &owner("local", "carol")).await;
    assert_eq!(none.unwrap_err().kind(), PasskeyErrorKind::NoPasskey);
}

#[tokio::test]
async fn whoever_signs_in_by_a_passkey_alone_is_verified_by_it() {
    let mut device = Device::new(b"phone").with_flags(UP);
    let site = Site::new();
    site.register(&mut device, &alice()).await;
    assert_eq!(site.log_in(&device).await.unwrap_err(), WRONG, "a key that was found");
    device.flags = UP | UV;
    site.log_in(&device).await.unwrap();

    let lax = Site::with(|passkeys| passkeys.user_verification(UserVerification::Preferred));
    let mut device = Device::new(b"phone");
    lax.register(&mut device, &alice()).await;
    device.flags = UP;
    assert_eq!(lax.log_in(&device).await.unwrap().factors(), [Factor::Passkey]);
    device.flags = UV;
    assert_eq!(lax.log_in(&device).await.unwrap_err(), WRONG, "nobody was there");

    let strict = Site::with(|passkeys| passkeys.second_factor_verification(UserVerification::Required));
    strict.register(&mut device.with_flags(UP), &alice()).await;
    let mut browser = Browser::default();
    let options = strict.begin_second(&mut browser, &alice()).await;
    let mut device = Device::new(b"key");
    strict.register(&mut device, &alice()).await;
    device.flags = UP;
    assert!(options.contains("\"required\""));
    let options = strict.begin_second(&mut browser, &alice()).await;
    assert_eq!(strict.submit(&browser, &device.get(&options)).await.unwrap_err().kind(), WRONG);
}

/// A device is asked who its passkey is of, and the site knows it.
#[tokio::test]
async fn the_user_handle_is_the_owners() {
    let site = Site::new();
    let (mut hers, mut his) = (Device::new(b"phone"), Device::new(b"other"));
    site.register(&mut hers, &alice()).await;
    site.register(&mut his, &bob()).await;
    let own = hers.handle.clone();
    for handle in [None, Some(Vec::new()), his.handle.clone(), Some(vec![7; 64])] {
        hers.handle = handle;
        assert_eq!(site.log_in(&hers).await.unwrap_err(), WRONG, "{:?}", hers.handle);
    }
    let mut browser = Browser::default();
    hers.handle = his.handle.clone();
    let options = site.begin_second(&mut browser, &alice()).await;
    assert_eq!(site.submit(&browser, &hers.get(&options)).await.unwrap_err().kind(), WRONG);
    hers.handle = own;
    site.log_in(&hers).await.unwrap();
}

#[tokio::test]
async fn a_passkey_that_is_not_there_is_nobodys() {
    let site = Site::new();
    let (mut phone, mut key) = (Device::new(b"phone"), Device::new(b"key"));
    let id = site.register(&mut phone, &alice()).await;
    site.register(&mut key, &alice()).await;
    let mut unknown = Device::new(b"unknown");
    unknown.handle = phone.handle.clone();
    assert_eq!(site.log_in(&unknown).await.unwrap_err(), DeniedKind::UnknownUser);
    // The same id, another key.
    let mut copy = Device::new(b"phone");
    copy.handle = phone.handle.clone();
    assert_eq!(site.log_in(&copy).await.unwrap_err(), WRONG);
    assert!(site.one().factors().remove(&alice(), id).await.unwrap());
    assert_eq!(site.log_in(&phone).await.unwrap_err(), DeniedKind::UnknownUser);
    site.log_in(&key).await.unwrap();
    site.one().factors().remove_all(&alice()).await.unwrap();
    assert_eq!(site.log_in(&key).await.unwrap_err(), DeniedKind::UnknownUser);
}

/// By its owner, on another device, while somebody signs in with it.
#[tokio::test]
async fn a_passkey_that_is_removed_meanwhile_signs_nobody_in() {
    for counter in [0, 7] {
        let site = Site::new();
        let mut device = Device::new(b"phone");
        site.register(&mut device, &alice()).await;
        device.counter = counter;
        site.store.removes_what_is_found.store(true, Ordering::SeqCst);
        assert_eq!(site.log_in(&device).await.unwrap_err(), DeniedKind::UnknownUser, "{counter}");
    }
}

/// A passkey that takes the place of another with the same credential id during a login does not sign its user in.
#[tokio::test]
async fn a_passkey_that_takes_anothers_place_was_not_verified() {
    let (site, other) = (Site::new(), Site::new());
    other.register(&mut Device::new(b"phone"), &bob()).await;
    let his = other.one().factors().list(&bob()).await.unwrap().remove(0);
    let mut device = Device::new(b"phone");
    site.register(&mut device, &alice()).await;
    device.counter = 7;
    *site.store.successor.lock().unwrap() = Some(his);
    assert_eq!(site.log_in(&device).await.unwrap_err(), DeniedKind::UnknownUser);
    assert_eq!(site.one().factors().list(&bob()).await.unwrap().len(), 1);
}

/// A user who may not sign in gets the same answer as anybody.
#[tokio::test]
async fn a_user_who_may_not_sign_in_does_not() {
    let site = Site::new();
    let mut device = Device::new(b"phone");
    site.register(&mut device, &alice()).await;
    site.log_in(&device).await.unwrap();
    site.users.disable("alice");
    let mut browser = Browser::default();
    let options = site.begin_login(&mut browser);
    let disabled = site.submit(&browser, &device.get(&options)).await.unwrap_err();
    site.users.delete("alice");
    let options = site.begin_login(&mut browser);
    let gone = site.submit(&browser, &device.get(&options)).await.unwrap_err();
    let wrong = site.submit(&browser, "{}").await.unwrap_err();
    assert!(matches!(disabled.kind(), DeniedKind::Denied(_)) && matches!(gone.kind(), DeniedKind::Denied(_)));
    for refused in [disabled, gone] {
        assert_eq!(refused.to_string(), wrong.to_string());
    }
}

/// The stores know the owner, and the site has forgotten their backend.
#[tokio::test]
async fn a_backend_that_is_not_named_signs_nobody_in() {
    let (site, keys) = (Site::new(), KeyRing::new(SECRET).unwrap());
    let mut device = Device::new(b"phone");
    site.register(&mut device, &alice()).await;
    for (owners, configured) in [("other", "other"), ("local", "other"), ("local", "local")] {
        let factors = Factors::new("Shop", Arc::clone(&site.store), &keys).unwrap();
        let (factors, once) = (Arc::new(factors), Arc::clone(&site.once));
        let passkeys = Passkeys::new("example.com", ["https://example.com"], factors, once, &keys).unwrap();
        let passkeys = passkeys.owners(owners, Arc::clone(&site.users)).unwrap();
        let passkeys = Arc::new(passkeys.clock(Arc::clone(&site.clock)));
        let auth = Auth::builder()
            .backend("passkeys", Arc::clone(&passkeys))
            .backend::<Password>(configured, Arc::clone(&site.users))
            .build()
            .unwrap();
        let mut browser = Browser::default();
        let options = browser.keep(passkeys.begin_login([""; 0]).unwrap());
        let assertion = passkeys.assertion(browser.cookies(), &device.get(&options));
        let answer = auth.authenticate(assertion, &RequestFacts::none()).await;
        match answer {
            Ok(signed_in) => assert_eq!((signed_in.backend().as_str(), configured), ("local", "local")),
            Err(denied) => {
                assert!(matches!(denied.kind(), DeniedKind::Denied(_)), "{denied:?}");
                assert_ne!((owners, configured), ("local", "local"));
            }
        }
    }
}
