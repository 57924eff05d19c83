//! Counters that rise, fall or are none, and what that says.

use std::sync::Arc;

use auth_core::DeniedKind;
use auth_core::session::KeyRing;

use crate::device::{BE, BS, Device, UP, UV};
use crate::store::Store;
use crate::support::{Browser, SECRET, Site, alice};

const BOUND: u8 = UP | UV;
const SYNCED: u8 = UP | UV | BE | BS;

async fn registered(site: &Site, counter: u32, flags: u8) -> Device {
    let mut device = Device::new(b"phone").with_flags(flags).with_counter(counter);
    site.register(&mut device, &alice()).await;
    device
}

/// Signs in with this counter; says whether that was accepted, and what was told of the counter.
async fn with(site: &Site, device: &mut Device, counter: u32) -> (bool, Vec<String>) {
    device.counter = counter;
    let accepted = site.log_in(device).await.is_ok();
    let told = site.told.take();
    (accepted, told.into_iter().filter(|told| told.contains("counter")).collect())
}

#[tokio::test]
async fn a_counter_that_rises_says_nothing() {
    let site = Site::new();
    let mut device = registered(&site, 0, BOUND).await;
    for counter in [0, 0, 1, 2, 9, u32::MAX] {
        assert_eq!(with(&site, &mut device, counter).await, (true, vec![]), "{counter}");
    }
}

#[tokio::test]
async fn a_counter_that_falls_is_refused() {
    let site = Site::new();
    let mut device = registered(&site, 7, BOUND).await;
    let fell = || (false, vec!["local/alice: counter fell, accepted: false".to_owned()]);
    for counter in [7, 6, 0, 1] {
        assert_eq!(with(&site, &mut device, counter).await, fell(), "{counter}");
    }
    assert_eq!(with(&site, &mut device, 8).await, (true, vec![]));
    // A device that stops counting does not reset the stored counter.
    for counter in [0, 8, 5] {
        assert_eq!(with(&site, &mut device, counter).await, fell(), "{counter}");
    }
    assert_eq!(with(&site, &mut device, 9).await, (true, vec![]));
}

/// Devices that share a passkey do not share its counter: refusing one would lock it out for good.
#[tokio::test]
async fn a_synced_passkey_is_accepted_and_told() {
    let site = Site::new();
    let mut device = registered(&site, 7, SYNCED).await;
    let fell = || (true, vec!["local/alice: counter fell, accepted: true".to_owned()]);
    for counter in [7, 0, 3] {
        assert_eq!(with(&site, &mut device, counter).await, fell(), "{counter}");
    }
    assert_eq!(with(&site, &mut device, 8).await, (true, vec![]));
    for counter in [0, 8] {
        assert_eq!(with(&site, &mut device, counter).await, fell(), "what is kept stays: {counter}");
    }
    let mut zero = Device::new(b"cloud").with_flags(SYNCED);
    site.register(&mut zero, &alice()).await;
    for _ in 0..3 {
        assert_eq!(with(&site, &mut zero, 0).await, (true, vec![]), "zero for ever is none");
    }
}

/// A device and its copy sign with the same counter, each for a separate challenge.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_with_one_counter_at_once_one_is_accepted() {
    let site = Arc::new(Site::new());
    let device = registered(&site, 7, BOUND).await.with_counter(8);
    let mut all = Vec::new();
    for _ in 0..32 {
        let mut browser = Browser::default();
        let options = site.begin_login(&mut browser);
        let (site, response) = (Arc::clone(&site), device.get(&options));
        all.push(tokio::spawn(async move { site.submit(&browser, &response).await.is_ok() }));
    }
    let mut accepted = 0;
    for one in all {
        accepted += usize::from(one.await.unwrap());
    }
    assert_eq!(accepted, 1);
}

#[tokio::test]
async fn whether_it_is_backed_up_may_change() {
    let site = Site::new();
    let mut device = registered(&site, 0, UP | UV | BE).await;
    for flags in [SYNCED, UP | UV | BE, SYNCED] {
        device.flags = flags;
        site.log_in(&device).await.unwrap();
    }
    let mut bound = Device::new(b"key");
    site.register(&mut bound, &alice()).await;
    bound.flags = UP | UV | BS;
    assert_eq!(site.log_in(&bound).await.unwrap_err(), DeniedKind::WrongSecret);
}

/// As long as an old key is there, data that it sealed are sealed again at the next login.
#[tokio::test]
async fn a_new_key_takes_over() {
    const NEW: &[u8] = b"another secret of more than 32 bytes";
    let store = Arc::new(Store::default());
    let with = |keys: &KeyRing| Site::with_keys(keys, Arc::clone(&store), |passkeys| passkeys);
    let mut device = Device::new(b"phone");
    with(&KeyRing::new(SECRET).unwrap()).register(&mut device, &alice()).await;
    let new = KeyRing::new(NEW).unwrap();
    assert_eq!(
        with(&new).log_in(&device).await.unwrap_err(),
        DeniedKind::Unavailable,
        "that is no wrong answer"
    );
    let begun = with(&new).begin_registration(&mut Browser::default(), &alice()).await;
    assert!(begun.contains("\"excludeCredentials\":[]"), "whose passkeys are lost may make new ones");
    with(&new.clone().with_fallback(SECRET).unwrap()).log_in(&device).await.unwrap();
    with(&new).log_in(&device).await.unwrap();
}
