//! Reading, comparing and writing stored hashes (PHC strings of Argon2).

use argon2::password_hash::phc::{Output, PasswordHash as Phc, Salt};
use argon2::{Algorithm, Argon2, Params, Version};
use subtle::ConstantTimeEq;

use super::pool::Buffer;
use super::{Argon2Cost, Verdict};
use crate::Secret;

pub(super) const SALT_LEN: usize = 16;
pub(super) const HASH_LEN: usize = 32;
/// A PHC string of Argon2 with the longest salt and output has fewer bytes than this.
const MAX_STORED_LEN: usize = 512;

/// What a stored value is.
pub(super) enum Stored {
    Argon2(Argon2Hash),
    /// No password matches it, and that is meant so.
    Unusable,
    /// It cannot or must not be computed; the text says why.
    Refused(&'static str),
}

/// A readable Argon2 hash whose costs are within the limit.
pub(super) struct Argon2Hash {
    algorithm: Algorithm,
    version: Version,
    cost: Argon2Cost,
    salt: Salt,
    hash: Output,
}

impl Stored {
    /// Reads a stored value. Costs are compared with `limit` before anything is computed or allocated: the
    /// table they come from may be in the wrong hands (`m=4294967295` would abort the process).
    pub(super) fn parse(stored: &str, limit: Argon2Cost) -> Self {
        if stored.is_empty() || stored.starts_with('!') {
            return Self::Unusable;
        }
        if stored.len() > MAX_STORED_LEN || !stored.starts_with("$argon2") {
            return Self::Refused("not an Argon2 hash");
        }
        match Argon2Hash::parse(stored) {
            None => Self::Refused("malformed"),
            Some(hash) if hash.cost.exceeds(limit) => Self::Refused("its costs are above the limit"),
            Some(hash) => Self::Argon2(hash),
        }
    }
}

impl Argon2Cost {
    fn exceeds(self, limit: Self) -> bool {
        self.memory_kib > limit.memory_kib || self.passes > limit.passes || self.lanes > limit.lanes
    }
}

impl Argon2Hash {
    fn parse(stored: &str) -> Option<Self> {
        let phc = Phc::new(stored).ok()?;
        let params = Params::try_from(&phc).ok()?;
        let hash = phc.hash?;
        // A hash of a few bytes would be matched by chance.
        if hash.len() < 16 || !params.keyid().is_empty() || !params.data().is_empty() {
            return None;
        }
        Some(Self {
            algorithm: Algorithm::new(phc.algorithm.as_str()).ok()?,
            version: phc.version.map_or(Ok(Version::V0x10), Version::try_from).ok()?,
            cost: Argon2Cost { memory_kib: params.m_cost(), passes: params.t_cost(), lanes: params.p_cost() },
            salt: phc.salt?,
            hash,
        })
    }

    /// One hash, and for a wrong password the work that an outdated hash saved: its owner must not be told
    /// from others by a quicker "no".
    pub(super) fn compare(&self, password: &Secret, current: Argon2Cost, buffer: &mut Buffer) -> Verdict {
        let mut computed = vec![0; self.hash.len()];
        let done = compute(self.argon2(), password, self.salt.as_ref(), &mut computed, buffer);
        if done && bool::from(computed.ct_eq(self.hash.as_bytes())) {
            return Verdict::Match { outdated: self.is_outdated(current) };
        }
        self.pad(password, current, buffer);
        Verdict::Mismatch
    }

    fn argon2(&self) -> Option<Argon2<'static>> {
        let params =
            Params::new(self.cost.memory_kib, self.cost.passes, self.cost.lanes, Some(self.hash.len()));
        params.ok().map(|params| Argon2::new(self.algorithm, self.version, params))
    }

    fn is_outdated(&self, current: Argon2Cost) -> bool {
        let salt: &[u8] = self.salt.as_ref();
        self.algorithm != Algorithm::Argon2id
            || self.version != Version::V0x13
            || self.cost.work() < current.work()
            || salt.len() < SALT_LEN
            || self.hash.len() < HASH_LEN
    }

    fn pad(&self, password: &Secret, current: Argon2Cost, buffer: &mut Buffer) {
        let missing = current.work().saturating_sub(self.cost.work());
        let memory = u32::try_from(missing / u64::from(current.passes)).unwrap_or(current.memory_kib);
        if memory >= Params::MIN_M_COST * current.lanes {
            waste(Argon2Cost { memory_kib: memory, ..current }, password, buffer);
        }
    }
}

/// A new hash as a PHC string; `None` only for costs that [`Argon2Cost`] does not let through.
pub(super) fn hash(
    cost: Argon2Cost,
    password: &Secret,
    salt: &[u8; SALT_LEN],
    buffer: &mut Buffer,
) -> Option<String> {
    let mut computed = [0; HASH_LEN];
    if !compute(argon2id(cost), password, salt, &mut computed, buffer) {
        return None;
    }
    let salt = Salt::new(salt).ok()?;
    let hash = Output::new(&computed).ok()?;
    let Argon2Cost { memory_kib, passes, lanes } = cost;
    Some(format!("$argon2id$v=19$m={memory_kib},t={passes},p={lanes}${salt}${hash}"))
}

/// The work of one hash, for nothing.
pub(super) fn waste(cost: Argon2Cost, password: &Secret, buffer: &mut Buffer) {
    let mut computed = [0; HASH_LEN];
    compute(argon2id(cost), password, &[0; SALT_LEN], &mut computed, buffer);
    std::hint::black_box(computed);
}

/// How many blocks a hash of this cost needs.
pub(super) fn blocks(cost: Argon2Cost) -> usize {
    cost.params().map_or(0, |params| params.block_count())
}

fn argon2id(cost: Argon2Cost) -> Option<Argon2<'static>> {
    cost.params().ok().map(|params| Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn compute(
    argon2: Option<Argon2<'_>>,
    password: &Secret,
    salt: &[u8],
    out: &mut [u8],
    buffer: &mut Buffer,
) -> bool {
    let Some(argon2) = argon2 else { return false };
    let password = password.expose().as_bytes();
    buffer.with(argon2.params().block_count(), |blocks| {
        argon2.hash_password_into_with_memory(password, salt, out, blocks).is_ok()
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WEAK: Argon2Cost = Argon2Cost { memory_kib: 64, passes: 2, lanes: 1 };
    const LIMIT: Argon2Cost = Argon2Cost { memory_kib: 128 * 1024, passes: 8, lanes: 8 };

    fn buffer() -> Buffer {
        Buffer::new(blocks(WEAK))
    }

    fn made(password: &str) -> String {
        hash(WEAK, &password.into(), &[7; SALT_LEN], &mut buffer()).unwrap()
    }

    fn verdict(stored: &str, password: &str, current: Argon2Cost) -> Option<Verdict> {
        match Stored::parse(stored, LIMIT) {
            Stored::Argon2(hash) => Some(hash.compare(&password.into(), current, &mut buffer())),
            _ => None,
        }
    }

    /// PW-2: verified exactly as received.
    #[test]
    fn passwords_are_taken_as_they_are() {
        let stored = made(" p\u{e4}ss\0word ");
        let right = Some(Verdict::Match { outdated: false });
        assert_eq!(verdict(&stored, " p\u{e4}ss\0word ", WEAK), right);
        for wrong in ["p\u{e4}ss\0word", " p\u{e4}ss", " P\u{c4}SS\0WORD ", " pa\u{308}ss\0word ", ""] {
            assert_eq!(verdict(&stored, wrong, WEAK), Some(Verdict::Mismatch), "{wrong:?}");
        }
    }

    #[test]
    fn weaker_hashes_are_outdated() {
        let stored = made("secret");
        let stronger = Argon2Cost { passes: 3, ..WEAK };
        assert_eq!(verdict(&stored, "secret", stronger), Some(Verdict::Match { outdated: true }));
        let weaker = Argon2Cost { passes: 1, ..WEAK };
        assert_eq!(verdict(&stored, "secret", weaker), Some(Verdict::Match { outdated: false }));
    }

    /// Hashes made by Django 6.1 (without their `argon2` prefix) verify.
    #[test]
    fn hashes_of_others_verify() {
        let django = [
            "$argon2id$v=19$m=64,t=1,p=1$WnI0S3gwYTFUblE4YlZkVzVtTHkycw$UASjcG0JICWRhm/0O6BNJU/uWhy05FWQeyI7oizqQnw",
            "$argon2d$v=19$m=512,t=2,p=2$WnI0S3gwYTFUblE4YlZkVw$0EvTF4LoMUyXkCt6RUi9uA",
            "$argon2id$v=19$m=102400,t=2,p=8$WnI0S3gwYTFUblE4YlZkVzVtTHkycw$hEJkWwLWdKKP1CnjJCILwdDhHm5uwzi2bZV2di6dX6M",
        ];
        for stored in django {
            let right = verdict(stored, "correct horse battery staple", WEAK);
            assert!(matches!(right, Some(Verdict::Match { .. })), "{stored}");
            assert_eq!(verdict(stored, "wrong", WEAK), Some(Verdict::Mismatch), "{stored}");
        }
    }

    /// PW-5, H12: hostile costs are refused without being tried.
    #[test]
    fn hostile_costs_are_refused() {
        for costs in [
            "m=4294967295,t=2,p=1",
            "m=8000000,t=2,p=1",
            "m=131073,t=2,p=1",
            "m=19456,t=4294967295,p=1",
            "m=19456,t=9,p=1",
            "m=19456,t=2,p=16777215",
            "m=19456,t=2,p=9",
        ] {
            let stored = format!(
                "$argon2id$v=19${costs}$c29tZXNhbHRzb21lc2FsdA$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHApz8ArZpWF5ACNo"
            );
            assert!(matches!(Stored::parse(&stored, LIMIT), Stored::Refused(_)), "{costs}");
        }
    }

    /// PW-7: nothing that is no hash verifies.
    #[test]
    fn what_is_no_hash_never_verifies() {
        for stored in [
            "",
            "!",
            "!abc",
            "null",
            "*0",
            "*1",
            "$2y$10$",
            "$2b$31$...",
            "pbkdf2_sha256$0$..",
            "md5$",
            "plain",
            "$argon2",
            "$argon2id$",
            "$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHQ",
            "$argon2id$v=19$m=64,t=2,p=1$$",
            "$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$AAAA",
            "$argon2id$v=99$m=64,t=2,p=1$c29tZXNhbHQ$AA",
        ] {
            for password in ["", "null", "x", stored] {
                assert!(!matches!(verdict(stored, password, WEAK), Some(Verdict::Match { .. })), "{stored}");
            }
        }
    }

    proptest! {
        /// PW-6: no text panics the reader.
        #[test]
        fn any_text_is_read_without_panic(stored in "\\PC{0,200}") {
            let _ = Stored::parse(&stored, LIMIT);
            let _ = Stored::parse(&format!("$argon2id$v=19$m=64,t=2,p=1${stored}"), LIMIT);
        }

        /// PW-6: nor does a hash cut or altered anywhere.
        #[test]
        fn damaged_hashes_are_read_without_panic(at in 0_usize..90, what in "\\PC") {
            let good = made("secret");
            let at = at.min(good.len());
            let _ = Stored::parse(&good[..at], LIMIT);
            let _ = Stored::parse(&format!("{}{what}{}", &good[..at], &good[at..]), LIMIT);
        }
    }
}
