//! Recovery codes, for users who lost everything else.

use std::fmt;

use zeroize::Zeroizing;

use super::{CodeHash, FactorId};
use crate::random::{Random, RandomError};
use crate::{Secret, keyed};

/// How many codes a set has.
const CODES: usize = 10;
/// How many characters a code has, of five bits each.
const LEN: usize = 16;
/// How many characters form a group.
const GROUP: usize = 4;
/// Crockford's base 32: of similar characters (0 and O; 1, I and L) it uses only the digit, and reads the letters as
/// it.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Recovery codes that were just created, which exist nowhere else. Show them once.
///
/// ```
/// # use auth_core::factors::{FactorOwner, Factors, MemoryFactors, Totp, Verdict};
/// # use auth_core::session::KeyRing;
/// # use auth_core::time::{Clock, SystemClock};
/// # use auth_core::{BackendName, Secret, UserId};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let keys = KeyRing::generate()?;
/// # let factors = Factors::new("Shop", MemoryFactors::new(10_000), &keys)?;
/// # let alice = FactorOwner { backend: BackendName::new("local").ok_or("not a name")?, user: UserId::from(1) };
/// let created = factors.make_recovery_codes(&alice).await?;
/// for code in created.codes() {
///     println!("{}", code.expose()); // ABCD-EFGH-JKMN-PQRS
/// }
/// assert_eq!(created.codes().len(), 10);
/// # Ok(())
/// # }
/// ```
pub struct CreatedRecoveryCodes {
    id: FactorId,
    codes: Vec<Secret>,
}

impl CreatedRecoveryCodes {
    /// The id of the set.
    pub fn id(&self) -> FactorId {
        self.id
    }

    /// The codes, as they should be shown: `ABCD-EFGH-JKMN-PQRS`.
    ///
    /// ```
    /// # use auth_core::factors::{FactorOwner, Factors, MemoryFactors, Totp, Verdict};
    /// # use auth_core::session::KeyRing;
    /// # use auth_core::time::{Clock, SystemClock};
    /// # use auth_core::{BackendName, Secret, UserId};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let keys = KeyRing::generate()?;
    /// # let factors = Factors::new("Shop", MemoryFactors::new(10_000), &keys)?;
    /// # let alice = FactorOwner { backend: BackendName::new("local").ok_or("not a name")?, user: UserId::from(1) };
    /// let created = factors.make_recovery_codes(&alice).await?;
    /// assert_eq!(created.codes()[0].len(), "ABCD-EFGH-JKMN-PQRS".len());
    /// # Ok(())
    /// # }
    /// ```
    pub fn codes(&self) -> &[Secret] {
        &self.codes
    }

    /// A set, and the hashes of its codes.
    pub(super) fn draw(id: FactorId, random: &dyn Random) -> Result<(Self, Vec<CodeHash>), RandomError> {
        let (mut codes, mut hashes) = (Vec::with_capacity(CODES), Vec::with_capacity(CODES));
        for _ in 0..CODES {
            let mut bytes = Zeroizing::new([0; LEN]);
            random.fill(&mut *bytes)?;
            let code = Code(Zeroizing::new(bytes.map(|byte| ALPHABET[usize::from(byte % 32)])));
            hashes.push(code.hash(id));
            codes.push(code.shown());
        }
        Ok((Self { id, codes }, hashes))
    }
}

impl fmt::Debug for CreatedRecoveryCodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CreatedRecoveryCodes({} codes)", self.codes.len())
    }
}

/// A code: its sixteen characters.
pub(super) struct Code(Zeroizing<[u8; LEN]>);

impl Code {
    /// A code as somebody typed it: in either case, with blanks and hyphens anywhere.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut code = Zeroizing::new([0; LEN]);
        let mut places = code.iter_mut();
        for byte in text.bytes().filter(|byte| !b" -".contains(byte)) {
            let byte = match byte.to_ascii_uppercase() {
                b'O' => b'0',
                b'I' | b'L' => b'1',
                byte => byte,
            };
            *places.next()? = Some(byte).filter(|byte| ALPHABET.contains(byte))?;
        }
        places.next().is_none().then_some(())?;
        Some(Self(code))
    }

    fn shown(&self) -> Secret {
        let mut text = Zeroizing::new(String::with_capacity(LEN + LEN / GROUP));
        for (at, byte) in self.0.iter().enumerate() {
            if at > 0 && at % GROUP == 0 {
                text.push('-');
            }
            text.push(char::from(*byte));
        }
        Secret::new(text.as_str())
    }

    /// The stored hash. All 80 bits of the code are random, so a slow hash would not make it harder to guess, and
    /// comparing ten stays fast. The hash includes the set's id, so that each has to be attacked separately, but no
    /// key, so that codes on paper survive a change of the site's keys.
    pub(super) fn hash(&self, id: FactorId) -> CodeHash {
        let mut message = Zeroizing::new([0; 32 + LEN]);
        message[..24].copy_from_slice(b"auth-core 2026 recovery ");
        message[24..32].copy_from_slice(&id.number().to_le_bytes());
        message[32..].copy_from_slice(&*self.0);
        keyed::of_token(&*message)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::random::OsRandom;

    const ID: FactorId = FactorId::from_number(7);

    fn hash(text: &str) -> Option<CodeHash> {
        Code::parse(text).map(|code| code.hash(ID))
    }

    #[test]
    fn codes_are_read_however_they_are_typed() {
        let (created, hashes) = CreatedRecoveryCodes::draw(ID, &OsRandom).unwrap();
        assert_eq!((created.codes().len(), hashes.len()), (10, 10));
        assert_eq!(hashes.iter().collect::<HashSet<_>>().len(), 10);
        for (code, expected) in created.codes().iter().zip(&hashes) {
            let code = code.expose();
            assert_eq!((code.len(), code.matches('-').count()), (19, 3), "{code}");
            let typed = [
                code.to_owned(),
                code.to_lowercase(),
                code.replace('-', ""),
                code.replace('-', " "),
                format!("  {code} "),
                code.replace('0', "O").replace('1', "l"),
                code.replace('0', "o").replace('1', "i"),
            ];
            for typed in typed {
                assert_eq!(hash(&typed), Some(*expected), "{typed}");
            }
        }
        assert_eq!(format!("{created:?}"), "CreatedRecoveryCodes(10 codes)");
    }

    #[test]
    fn what_else_is_typed_is_no_code() {
        let good = "ABCD-EFGH-JKMN-PQRS";
        assert!(hash(good).is_some());
        for bad in [
            "",
            "123456",
            &good[..18],
            &format!("{good}T"),
            "ABCD-EFGH-JKMN-PQRU",
            "ABCD_EFGH_JKMN_PQRS",
            "ÄBCD-EFGH-JKMN-PQR",
        ] {
            assert!(hash(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn hashes_are_of_one_set_and_as_they_were() {
        let code = Code::parse("0000-0000-0000-0000").unwrap();
        assert_ne!(code.hash(ID), code.hash(FactorId::from_number(8)));
        let message = [b"auth-core 2026 recovery ".as_slice(), &7_u64.to_le_bytes(), &[b'0'; 16]].concat();
        assert_eq!(code.hash(ID), *blake3::hash(&message).as_bytes());
    }
}
