//! A user gets a passkey, and nobody gets another's.

use std::sync::Arc;
use std::time::Duration;

use auth_core::factors::{FactorKind, FactorOwner};
use auth_core::grant::Factor;
use auth_jws::Algorithm;
use auth_passkeys::PasskeyErrorKind;
use serde_json::{Value, json};
use test_tokens::{decode, encode};

use crate::device::{BE, BS, Device, Odd, UP, UV};
use crate::support::{Browser, NOW, Site, alice, bob, owner};

#[tokio::test]
async fn a_passkey_is_a_factor_from_then_on() {
    let site = Site::new();
    let id = site.register(&mut Device::new(b"phone"), &alice()).await;
    let factors = site.one().factors();
    let all = factors.list(&alice()).await.unwrap();
    assert_eq!((all.len(), all[0].id, all[0].kind), (1, id, FactorKind::Passkey));
    assert!(all[0].is_confirmed() && &*all[0].name == "phone" && all[0].last_used.is_none());
    assert!(factors.rename(&alice(), id, "tablet").await.unwrap());
}

#[tokio::test]
async fn making_one_is_a_proof() {
    let site = Site::new();
    let expected = [(UP, vec![Factor::Passkey]), (UP | UV, vec![Factor::Passkey, Factor::UserVerification])];
    for (flags, expected) in expected {
        let (mut browser, mut device) = (Browser::default(), Device::new(&[flags]).with_flags(flags));
        let response = device.create(&site.begin_registration(&mut browser, &alice()).await);
        let registered =
            site.one().finish_registration(browser.cookies(), &alice(), "phone", &response).await;
        let proofs = registered.unwrap().proofs;
        assert_eq!(proofs.iter().map(|proof| proof.factor).collect::<Vec<_>>(), expected);
        assert!(proofs.iter().all(|proof| proof.at == NOW));
    }
}

#[tokio::test]
async fn options_say_what_is_offered_and_nothing_of_the_user() {
    let site = Site::new();
    let begin = async |owner: FactorOwner| {
        let options = site.begin_registration(&mut Browser::default(), &owner).await;
        serde_json::from_str::<Value>(&options).unwrap()
    };
    let first = begin(alice()).await;
    let algorithms: Vec<_> =
        first["pubKeyCredParams"].as_array().unwrap().iter().map(|one| &one["alg"]).collect();
    assert_eq!(algorithms, [-7, -257]);
    assert_eq!(first["rp"], json!({"id": "example.com", "name": "Shop"}));
    assert_eq!((&first["attestation"], &first["timeout"]), (&json!("none"), &json!(300_000)));
    assert_eq!(first["authenticatorSelection"]["residentKey"], "preferred");
    assert_eq!(first["excludeCredentials"], json!([]));
    let handle = |options: &Value| decode(options["user"]["id"].as_str().unwrap());
    assert_eq!(handle(&first).len(), 64);
    assert!(!handle(&first).windows(5).any(|some| some == b"alice"));
    assert!(decode(first["challenge"].as_str().unwrap()).len() >= 16);

    site.register(&mut Device::new(b"phone"), &alice()).await;
    let (second, third, other) = (begin(alice()).await, begin(alice()).await, begin(bob()).await);
    assert_eq!(handle(&second), handle(&third), "all passkeys of a user are of one account");
    assert_ne!(handle(&second), handle(&other));
    assert_ne!(second["challenge"], third["challenge"]);
    let transports = json!(["internal", "hybrid"]);
    let known = json!([{"type": "public-key", "id": encode(b"phone"), "transports": transports}]);
    assert_eq!(second["excludeCredentials"], known);
    assert_eq!(other["excludeCredentials"], json!([]));

    let strict =
        Site::with(|passkeys| passkeys.require_discoverable().challenge_lifetime(Duration::from_secs(900)));
    let options = strict.begin_registration(&mut Browser::default(), &alice()).await;
    let options: Value = serde_json::from_str(&options).unwrap();
    assert_eq!(options["authenticatorSelection"]["residentKey"], "required");
    assert_eq!(options["timeout"], 900_000);
}

/// `WebAuthn` Level 3, §7.1 step 26.
#[tokio::test]
async fn a_device_is_registered_once() {
    let site = Site::new();
    let mut device = Device::new(b"phone");
    site.register(&mut device, &alice()).await;
    for other in [alice(), bob()] {
        let mut browser = Browser::default();
        let options = site.begin_registration(&mut browser, &other).await;
        let again = site.finish(&browser, &other, &device.create(&options)).await;
        assert_eq!(again.unwrap_err().kind(), PasskeyErrorKind::AlreadyRegistered, "{other:?}");
    }
    assert_eq!(site.one().factors().list(&bob()).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_that_register_a_device_at_once_one_does() {
    let site = Arc::new(Site::new());
    let mut device = Device::new(b"phone");
    let mut all = Vec::new();
    for n in 0..64 {
        let (mut browser, whose) = (Browser::default(), if n % 2 == 0 { alice() } else { bob() });
        let options = site.begin_registration(&mut browser, &whose).await;
        let (site, response) = (Arc::clone(&site), device.create(&options));
        all.push(tokio::spawn(async move { site.finish(&browser, &whose, &response).await }));
    }
    let mut registered = 0;
    for one in all {
        match one.await.unwrap() {
            Ok(_) => registered += 1,
            Err(error) => assert_eq!(error.kind(), PasskeyErrorKind::AlreadyRegistered),
        }
    }
    assert_eq!(registered, 1);
}

/// Somebody who signs in as another user meanwhile.
#[tokio::test]
async fn a_challenge_is_for_one_user() {
    let site = Site::new();
    let (mut browser, mut device) = (Browser::default(), Device::new(b"phone"));
    let options = site.begin_registration(&mut browser, &alice()).await;
    let response = device.create(&options);
    for other in [bob(), owner("other", "alice"), owner("local", "alice ")] {
        let refused = site.finish(&browser, &other, &response).await;
        assert_eq!(refused.unwrap_err().kind(), PasskeyErrorKind::NoChallenge, "{other:?}");
    }
    let stranger = site.finish(&Browser::default(), &alice(), &response).await;
    assert_eq!(stranger.unwrap_err().kind(), PasskeyErrorKind::NoChallenge, "another browser");
    site.finish(&browser, &alice(), &response).await.unwrap();
}

#[tokio::test]
async fn what_is_signed_otherwise_is_refused() {
    let site = Site::new();
    let odd = |change: fn(&mut Odd)| {
        let mut odd = Odd::default();
        change(&mut odd);
        odd
    };
    let table: Vec<(&str, Odd)> = vec![
        ("another site", odd(|odd| odd.origin = "https://evil.org".into())),
        ("CWE-290", odd(|odd| odd.origin = "https://evil-example.com".into())),
        ("a subdomain that is not named", odd(|odd| odd.origin = "https://shop.example.com".into())),
        ("another port", odd(|odd| odd.origin = "https://example.com:8443".into())),
        ("no TLS", odd(|odd| odd.origin = "http://example.com".into())),
        ("an assertion", odd(|odd| odd.kind = Some("webauthn.get"))),
        ("another RP", odd(|odd| odd.rp_id = "evil.org".into())),
        ("in a frame", odd(|odd| odd.more = vec![("crossOrigin", json!(true))])),
        ("in a frame of", odd(|odd| odd.more = vec![("topOrigin", json!("https://evil.org"))])),
        ("RS1", odd(|odd| odd.alg = Some(-65_535))),
        ("EdDSA", odd(|odd| odd.alg = Some(-8))),
    ];
    for (what, odd) in table {
        let mut browser = Browser::default();
        let options = site.begin_registration(&mut browser, &alice()).await;
        let response = Device::new(b"phone").create_oddly(&options, &odd).to_string();
        let refused = site.finish(&browser, &alice(), &response).await;
        assert_eq!(refused.unwrap_err().kind(), PasskeyErrorKind::Refused, "{what}");
    }
    for (what, mut device) in [
        ("nobody was there", Device::new(b"phone").with_flags(UV)),
        ("backed up and not eligible", Device::new(b"phone").with_flags(UP | BS)),
        ("ES384", Device::of(Algorithm::Es384, b"phone")),
        ("RS384", Device::of(Algorithm::Rs256, b"phone")),
    ] {
        let mut browser = Browser::default();
        let options = site.begin_registration(&mut browser, &alice()).await;
        let odd = Odd { alg: (what == "RS384").then_some(-258), ..Odd::default() };
        let response = device.create_oddly(&options, &odd).to_string();
        let refused = site.finish(&browser, &alice(), &response).await;
        assert_eq!(refused.unwrap_err().kind(), PasskeyErrorKind::Refused, "{what}");
    }
    assert_eq!(site.one().factors().list(&alice()).await.unwrap(), []);
    let mut device = Device::new(b"phone").with_flags(UP | UV | BE | BS);
    site.register(&mut device, &alice()).await;
}

/// The id outside is what is looked for later, and the one inside is what the device has.
#[tokio::test]
async fn the_id_is_the_one_that_was_made() {
    let site = Site::new();
    let (mut browser, mut device) = (Browser::default(), Device::new(b"phone"));
    let options = site.begin_registration(&mut browser, &alice()).await;
    let mut response = device.create_oddly(&options, &Odd::default());
    (response["id"], response["rawId"]) = (json!(encode(b"other")), json!(encode(b"other")));
    let refused = site.finish(&browser, &alice(), &response.to_string()).await;
    assert_eq!(refused.unwrap_err().kind(), PasskeyErrorKind::Refused);
}

#[tokio::test]
async fn what_cannot_be_done_says_why() {
    let site = Site::new();
    let one = site.one();
    for (user, display) in [("", "Alice"), ("alice", " "), ("a\nb", "Alice"), ("alice", &*"x".repeat(256))] {
        let begun = one.begin_registration([""; 0], &alice(), user, display).await;
        assert_eq!(begun.unwrap_err().kind(), PasskeyErrorKind::InvalidName, "{user:?} {display:?}");
    }
    let begun = one.begin_registration([""; 0], &owner("other", "alice"), "alice", "Alice").await;
    assert_eq!(begun.unwrap_err().kind(), PasskeyErrorKind::UnknownOwner);
    let (mut browser, mut device) = (Browser::default(), Device::new(b"phone"));
    let options = site.begin_registration(&mut browser, &alice()).await;
    let response = device.create(&options);
    let named = one.finish_registration(browser.cookies(), &alice(), " ", &response).await;
    assert_eq!(named.unwrap_err().kind(), PasskeyErrorKind::InvalidName);
    for n in 0..20_u8 {
        site.register(&mut Device::new(&[n]), &alice()).await;
    }
    let options = site.begin_registration(&mut browser, &alice()).await;
    let more = site.finish(&browser, &alice(), &device.create(&options)).await;
    assert_eq!(more.unwrap_err().kind(), PasskeyErrorKind::TooMany);
}
