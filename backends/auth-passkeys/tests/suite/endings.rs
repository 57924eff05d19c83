//! Outages, and what is not shown.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use auth_core::DeniedKind;
use auth_core::random::{Random, RandomError};
use auth_passkeys::PasskeyErrorKind;

use crate::device::Device;
use crate::support::{Browser, Site, alice};

/// Nobody knows then whether an answer was given before.
#[tokio::test]
async fn an_outage_refuses_and_is_no_wrong_answer() {
    let site = Site::new();
    let (mut device, mut other) = (Device::new(b"phone"), Device::new(b"other"));
    site.register(&mut device, &alice()).await;
    let mut browser = Browser::default();
    let options = site.begin_login(&mut browser);
    let register = site.begin_registration(&mut browser, &alice()).await;
    let (response, made) = (device.get(&options), other.create(&register));
    site.once.is_down.store(true, Ordering::SeqCst);
    let down = site.submit(&browser, &response).await.unwrap_err();
    assert_eq!(down.kind(), DeniedKind::Unavailable);
    let down = site.finish(&browser, &alice(), &made).await.unwrap_err();
    assert_eq!(down.kind(), PasskeyErrorKind::Unavailable);
    site.once.is_down.store(false, Ordering::SeqCst);
    site.submit(&browser, &response).await.unwrap();
    site.finish(&browser, &alice(), &made).await.unwrap();
}

#[tokio::test]
async fn a_store_that_is_down_is_no_unknown_passkey() {
    let site = Site::new();
    let mut device = Device::new(b"phone");
    site.register(&mut device, &alice()).await;
    for (down, counter) in
        [(&site.store.is_down, 0), (&site.store.is_read_only, 0), (&site.store.is_read_only, 7)]
    {
        down.store(true, Ordering::SeqCst);
        device.counter = counter;
        assert_eq!(site.log_in(&device).await.unwrap_err(), DeniedKind::Unavailable);
        down.store(false, Ordering::SeqCst);
    }
    site.log_in(&device).await.unwrap();
    site.store.is_down.store(true, Ordering::SeqCst);
    let browser = Browser::default();
    let begun = site.one().begin_second_factor(browser.cookies(), &alice()).await;
    assert_eq!(begun.unwrap_err().kind(), PasskeyErrorKind::Unavailable);
}

struct NoRandom;

impl Random for NoRandom {
    fn fill(&self, _: &mut [u8]) -> Result<(), RandomError> {
        Err(RandomError)
    }
}

#[tokio::test]
async fn without_random_numbers_nobody_is_asked() {
    let site = Site::with(|passkeys| passkeys.random(NoRandom));
    let begun = site.one().begin_login([""; 0]);
    assert_eq!(begun.unwrap_err().kind(), PasskeyErrorKind::Unavailable);
    let begun = site.one().begin_registration([""; 0], &alice(), "alice", "Alice").await;
    assert_eq!(begun.unwrap_err().kind(), PasskeyErrorKind::Unavailable);
}

#[tokio::test]
async fn nothing_is_shown_that_could_be_sent_again() {
    let site = Site::new();
    let mut device = Device::new(b"phone");
    site.register(&mut device, &alice()).await;
    let mut browser = Browser::default();
    let options = site.begin_login(&mut browser);
    let parsed: serde_json::Value = serde_json::from_str(&options).unwrap();
    let challenge = parsed["challenge"].as_str().unwrap();
    let assertion = site.one().assertion(browser.cookies(), &device.get(&options));
    let shown = format!("{assertion:?} {:?} {:?}", site.one(), Arc::clone(&site.store));
    assert!(!shown.contains(challenge) && shown.contains("example.com"), "{shown}");
}
