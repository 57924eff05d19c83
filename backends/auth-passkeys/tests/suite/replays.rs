//! What is good for one time, one ceremony, one browser and a while.

use std::sync::Arc;
use std::time::Duration;

use auth_core::{DeniedKind, RequestFacts};
use auth_passkeys::PasskeyErrorKind;

use crate::device::{Device, Odd};
use crate::support::{Browser, Site, alice};

async fn registered(site: &Site) -> Device {
    let mut device = Device::new(b"phone");
    site.register(&mut device, &alice()).await;
    device
}

#[tokio::test]
async fn an_answer_is_good_for_one_time() {
    let site = Site::new();
    let device = registered(&site).await;
    let mut browser = Browser::default();
    let options = site.begin_login(&mut browser);
    let response = device.get(&options);
    site.submit(&browser, &response).await.unwrap();
    // The same once more, and another to the same challenge, wherever it comes.
    for again in [&response, &device.get(&options)] {
        assert_eq!(site.submit(&browser, again).await.unwrap_err().kind(), DeniedKind::WrongSecret);
        let assertion = site.passkeys[1].assertion(browser.cookies(), again);
        let other = site.auth[1].authenticate(assertion, &RequestFacts::none()).await;
        assert_eq!(other.unwrap_err().kind(), DeniedKind::WrongSecret);
    }
}

/// A client with two guesses could have any number of them.
#[tokio::test]
async fn a_wrong_answer_uses_the_challenge_up() {
    let site = Site::new();
    let device = registered(&site).await;
    let mut browser = Browser::default();
    let options = site.begin_login(&mut browser);
    let wrong = device.get_oddly(&options, &Odd { rp_id: "evil.org".into(), ..Odd::default() }).to_string();
    site.submit(&browser, &wrong).await.unwrap_err();
    site.submit(&browser, &device.get(&options)).await.unwrap_err();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_500_that_send_one_answer_at_once_one_signs_in() {
    let site = Arc::new(Site::new());
    let device = registered(&site).await;
    let mut browser = Browser::default();
    let options = site.begin_login(&mut browser);
    let response: Arc<str> = device.get(&options).into();
    let all: Vec<_> = (0..500)
        .map(|n| {
            let (site, browser, response) = (Arc::clone(&site), browser.clone(), Arc::clone(&response));
            tokio::spawn(async move {
                let assertion = site.passkeys[n % 2].assertion(browser.cookies(), &response);
                site.auth[n % 2].authenticate(assertion, &RequestFacts::none()).await.is_ok()
            })
        })
        .collect();
    let mut signed_in = 0;
    for one in all {
        signed_in += usize::from(one.await.unwrap());
    }
    assert_eq!(signed_in, 1);
}

#[tokio::test]
async fn a_registration_is_good_for_one_time() {
    let site = Site::new();
    let (mut browser, mut device) = (Browser::default(), Device::new(b"phone"));
    let options = site.begin_registration(&mut browser, &alice()).await;
    let response = device.create(&options);
    let id = site.finish(&browser, &alice(), &response).await.unwrap();
    site.one().factors().remove(&alice(), id).await.unwrap();
    let again = site.finish(&browser, &alice(), &response).await;
    assert_eq!(again.unwrap_err().kind(), PasskeyErrorKind::NoChallenge, "what was removed stays removed");
    let other = Device::new(b"other").create(&options);
    assert_eq!(
        site.finish(&browser, &alice(), &other).await.unwrap_err().kind(),
        PasskeyErrorKind::NoChallenge
    );
}

#[tokio::test]
async fn a_challenge_is_good_for_a_while() {
    let site = Site::new();
    let mut device = registered(&site).await;
    let mut browser = Browser::default();
    let early = site.begin_login(&mut browser);
    site.clock.advance(Duration::from_secs(299));
    site.submit(&browser, &device.get(&early)).await.unwrap();
    let (late, register) =
        (site.begin_login(&mut browser), site.begin_registration(&mut browser, &alice()).await);
    site.clock.advance(Duration::from_secs(300));
    assert_eq!(site.submit(&browser, &device.get(&late)).await.unwrap_err().kind(), DeniedKind::WrongSecret);
    device.id = b"other".into();
    let expired = site.finish(&browser, &alice(), &device.create(&register)).await;
    assert_eq!(expired.unwrap_err().kind(), PasskeyErrorKind::NoChallenge);
}

#[tokio::test]
async fn a_challenge_is_for_the_browser_that_was_asked() {
    let site = Site::new();
    let device = registered(&site).await;
    let (mut one, mut other) = (Browser::default(), Browser::default());
    let options = site.begin_login(&mut one);
    site.begin_login(&mut other);
    for stranger in [Browser::default(), other] {
        let refused = site.submit(&stranger, &device.get(&options)).await.unwrap_err();
        assert_eq!(refused.kind(), DeniedKind::WrongSecret);
    }
    site.submit(&one, &device.get(&options)).await.unwrap();
}

/// What was asked for the one is no answer to the other, also where the page of the one leads to the other.
#[tokio::test]
async fn the_ceremonies_are_apart() {
    let site = Site::new();
    let mut device = registered(&site).await;
    let mut browser = Browser::default();
    let register = site.begin_registration(&mut browser, &alice()).await;
    let login = site.begin_login(&mut browser);
    let names = browser.names();
    assert!(names[0].starts_with("__Host-application-passkeys.assert-"), "{names:?}");
    assert!(names[1].starts_with("__Host-application-passkeys.register-"), "{names:?}");
    // Right but for the challenge's purpose, and for its kind.
    for kind in [None, Some("webauthn.create")] {
        let odd = Odd { kind, ..Odd::default() };
        let refused = site.submit(&browser, &device.get_oddly(&register, &odd).to_string()).await;
        assert_eq!(refused.unwrap_err().kind(), DeniedKind::WrongSecret);
    }
    let mut options: serde_json::Value = serde_json::from_str(&login).unwrap();
    options["user"] = serde_json::json!({"id": "AAAA"});
    device.id = b"other".into();
    for kind in [None, Some("webauthn.get")] {
        let odd = Odd { kind, ..Odd::default() };
        let made = device.create_oddly(&options.to_string(), &odd).to_string();
        let refused = site.finish(&browser, &alice(), &made).await;
        assert_eq!(refused.unwrap_err().kind(), PasskeyErrorKind::NoChallenge);
    }
}

/// A few tabs, each with a separate challenge.
#[tokio::test]
async fn tabs_do_not_disturb_each_other() {
    let site = Site::new();
    let device = registered(&site).await;
    let mut browser = Browser::default();
    let tabs: Vec<_> = (0..4)
        .map(|_| {
            site.clock.advance(Duration::from_secs(1));
            site.begin_login(&mut browser)
        })
        .collect();
    for options in tabs {
        site.submit(&browser, &device.get(&options)).await.unwrap();
    }
    for _ in 0..20 {
        site.clock.advance(Duration::from_secs(1));
        site.begin_login(&mut browser);
    }
    assert!(browser.names().len() <= 5, "{:?}", browser.names());
}
