//! Several backends whose users have passkeys.

use std::sync::Arc;

use auth_core::factors::{Factors, MemoryFactors};
use auth_core::once::MemoryOnce;
use auth_core::session::KeyRing;
use auth_core::{Auth, Password, RequestFacts, User};
use auth_passkeys::Passkeys;

use crate::device::Device;
use crate::support::{Accounts, Browser, SECRET, owner};

/// User 1 of the one is not user 1 of the other.
#[tokio::test]
async fn a_passkey_is_of_one_backend() {
    let keys = KeyRing::new(SECRET).unwrap();
    let factors = Arc::new(Factors::new("Shop", MemoryFactors::new(10), &keys).unwrap());
    let (staff, guests) = (Accounts::of(&["1"]), Accounts::of(&["1"]));
    let passkeys =
        Passkeys::new("localhost", ["http://localhost:3000"], factors, MemoryOnce::new(100), &keys)
            .unwrap()
            .owners("staff", Arc::clone(&staff))
            .unwrap()
            .owners("guests", Arc::clone(&guests))
            .unwrap()
            .insecure_cookies();
    let passkeys = Arc::new(passkeys);
    let auth = Auth::builder()
        .backend("passkeys", Arc::clone(&passkeys))
        .backend::<Password>("staff", staff)
        .backend::<Password>("guests", Arc::clone(&guests))
        .build()
        .unwrap();
    let mut device = Device::new(b"phone");
    let odd = crate::device::Odd {
        origin: "http://localhost:3000".into(),
        rp_id: "localhost".into(),
        ..crate::device::Odd::default()
    };
    let (mut browser, guest) = (Browser::default(), owner("guests", "1"));
    let options = browser.keep(passkeys.begin_registration([""; 0], &guest, "g", "G").await.unwrap());
    let made = device.create_oddly(&options, &odd).to_string();
    passkeys.finish_registration(browser.cookies(), &guest, "phone", &made).await.unwrap();
    let options = browser.keep(passkeys.begin_login(browser.cookies()).unwrap());
    assert!(browser.names().iter().all(|name| !name.starts_with("__Host-")), "{:?}", browser.names());
    let response = device.get_oddly(&options, &odd).to_string();
    let assertion = passkeys.assertion(browser.cookies(), &response);
    let signed_in = auth.authenticate(assertion, &RequestFacts::none()).await.unwrap();
    assert_eq!((signed_in.backend().as_str(), signed_in.user().id()), ("guests", guest.user));
}

#[test]
fn backends_are_named_once() {
    let keys = KeyRing::new(SECRET).unwrap();
    let new = || {
        let factors = Arc::new(Factors::new("Shop", MemoryFactors::new(10), &keys).unwrap());
        Passkeys::new("example.com", ["https://example.com"], factors, MemoryOnce::new(100), &keys).unwrap()
    };
    assert!(new().owners("a b", Accounts::of(&[])).is_err());
    let once = new().owners("local", Accounts::of(&[])).unwrap();
    assert!(once.owners("local", Accounts::of(&[])).unwrap_err().to_string().contains("once"));
}
