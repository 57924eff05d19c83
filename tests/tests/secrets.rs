//! What does not compile, or would be a mistake.
//!
//! A program that compares, prints or serializes a secret is refused by the compiler: this file does not compile as
//! soon as one of the impls below exists. That `Authenticated` cannot be made by hand is a `compile_fail` example in
//! its documentation.
#![allow(missing_docs)]

use std::fmt::Display;
use std::hash::Hash;

use auth_core::password::PasswordHash;
use auth_core::session::{KeyRing, PurposeKey, PurposeKeys, SessionInfo};
use auth_core::{Access, Authenticated, BearerToken, Password, Passwords, Secret};
use integration_tests::accounts::Account;
use serde::Serialize;

/// Fails to compile if the type implements any of the traits: which `Absent` is meant would be ambiguous.
macro_rules! lacks {
    ($type:ty: $($forbidden:path),+) => {
        const _: fn() = || {
            trait Absent<Marker> {
                fn check() {}
            }
            impl<T: ?Sized> Absent<()> for T {}
            $({
                #[allow(dead_code)]
                struct Present;
                impl<T: ?Sized + $forbidden> Absent<Present> for T {}
            })+
            let _ = <$type as Absent<_>>::check;
        };
    };
}

lacks!(Secret: PartialEq, PartialOrd, Hash, Display, Serialize, AsRef<str>, std::ops::Deref, Copy, Default);
lacks!(Password: PartialEq, Hash, Display, Serialize);
lacks!(BearerToken: PartialEq, Hash, Display, Serialize);
lacks!(PasswordHash: PartialEq, Hash, Display, Serialize);
lacks!(KeyRing: PartialEq, Display, Serialize);
lacks!(PurposeKeys: PartialEq, Hash, Display, Serialize);
lacks!(PurposeKey: PartialEq, Hash, Display, Serialize, AsRef<[u8]>, std::ops::Deref, Copy);
// A proof is used once, and cannot be kept or made of nothing.
lacks!(Authenticated<Account>: Clone, Copy, Default, Serialize);
lacks!(Access<Account>: Default, Serialize);
lacks!(SessionInfo: Serialize);
lacks!(auth_core::Session<Account>: Default, Serialize);

/// And what is printed for a developer is redacted.
#[test]
fn debug_is_redacted() {
    let secret = Secret::new("canary");
    let passwords: Passwords = integration_tests::world::weak_passwords();
    let shown = format!(
        "{secret:?} {:?} {:?} {passwords:?} {:?}",
        Password::new("a", secret.clone()),
        BearerToken::new(secret.clone()),
        PasswordHash::unusable()
    );
    assert!(!shown.contains("canary") && !shown.contains('!'), "{shown}");
}
