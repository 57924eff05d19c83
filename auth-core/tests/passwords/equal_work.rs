//! PW-8, PW-9, H02, H07: a failed attempt takes the same time, whoever it names.

use std::time::Duration;

use auth_core::{Argon2Cost, Format, Passwords, Secret};
use rustix::time::{ClockId, clock_gettime};

use crate::{HASHES, preferring};

/// The time that this process has computed: what else the machine does is not in it.
fn computed() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap(), time.tv_nsec.try_into().unwrap())
}

/// The shortest of some attempts with a wrong password.
async fn time(passwords: &Passwords, password: &str, stored: Option<&str>) -> Duration {
    let wrong = Secret::new(password);
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let start = computed();
        let _ = passwords.verify(&wrong, stored).await.unwrap();
        best = best.min(computed().saturating_sub(start));
    }
    best
}

/// Without padding each pair would be ten times apart or more; the rest is what caches and neighbours make of it.
async fn assert_alike(passwords: &Passwords, stored: &[&str]) {
    let unknown = time(passwords, "wrong", None).await;
    for stored in stored {
        let known = time(passwords, "wrong", Some(stored)).await;
        let ratio = known.as_secs_f64() / unknown.as_secs_f64();
        assert!((0.33..3.0).contains(&ratio), "{stored}: {known:?}, an unknown user {unknown:?}");
    }
}

fn argon2(memory_kib: u32) -> Format {
    Format::argon2(Argon2Cost::dangerous_weak(memory_kib, 2, 1).unwrap())
}

const CHEAP: [Format; 3] =
    [Format::django_pbkdf2_sha1(1_000), Format::bcrypt(4), Format::sha256_crypt(1_000)];

#[tokio::test]
async fn cheap_hashes_are_no_quicker() {
    let passwords = preferring(argon2(19 * 1024)).accept(CHEAP).build().unwrap();
    let long = "$5$rounds=1000$roundstoolow$e7M8/jKxuRGz/B0HBeVmCSxjq8k2V7MGFHnktjeO/t6";
    assert_alike(&passwords, &[HASHES[0], HASHES[12], long, "!", "", "md5$x$y", "$2b$31$x"]).await;
}

/// Where old hashes are costlier than new ones, an unknown user must be as costly as they are.
#[tokio::test]
async fn costly_hashes_are_no_slower() {
    let costly = "$2b$08$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG";
    let passwords = preferring(argon2(256)).accept([Format::bcrypt(8)]).build().unwrap();
    let new = passwords.hash(&Secret::new("right")).await.unwrap();
    assert_alike(&passwords, &[costly, HASHES[12], new.as_str(), "!"]).await;
}

/// Formats whose costs only double, or that would cut the password, pad as well.
#[tokio::test]
async fn any_preferred_format_pads() {
    for preferred in [Format::bcrypt(8), Format::scrypt(12, 8, 1), Format::pbkdf2_sha512(20_000)] {
        let passwords = preferring(preferred).accept(CHEAP).build().unwrap();
        assert_alike(&passwords, &[HASHES[0], HASHES[12], "!"]).await;
        let too_long = time(&passwords, &"a".repeat(100), Some(HASHES[12])).await;
        assert!(
            too_long > time(&passwords, "wrong", None).await / 3,
            "{preferred:?}: too long is no quicker"
        );
    }
}
