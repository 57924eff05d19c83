//! Numbers and bytes in stored hashes.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD;

/// A PHC string with `head`, which names the algorithm and its costs.
pub(super) fn phc_string(head: &str, salt: &[u8], hash: &[u8]) -> String {
    format!("${head}${}${}", BASE64_STANDARD_NO_PAD.encode(salt), BASE64_STANDARD_NO_PAD.encode(hash))
}

/// Django's form: the name, the first of the costs, the salt, what is `between`, and the hash. The salt is text;
/// `None` if it is not.
#[cfg(any(feature = "pbkdf2", feature = "scrypt"))]
pub(super) fn django_string(
    name: &str,
    cost: &str,
    salt: &[u8],
    between: &str,
    hash: &[u8],
) -> Option<String> {
    let salt = str::from_utf8(salt).ok()?;
    Some(format!("{name}${cost}${salt}${between}{}", base64::prelude::BASE64_STANDARD.encode(hash)))
}

/// A salt for Django: text without a `$`.
#[cfg(any(feature = "pbkdf2", feature = "scrypt"))]
pub(super) fn text_salt(random: &[u8]) -> Vec<u8> {
    base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(random).into()
}

/// The numbers of a PHC string, as far as present; `None` if there is anything else.
#[cfg(any(feature = "pbkdf2", feature = "scrypt"))]
pub(super) fn decimals<const N: usize>(
    params: &argon2::password_hash::phc::ParamsString,
    names: [&str; N],
) -> Option<[Option<u32>; N]> {
    let mut found = [None; N];
    for (name, value) in params.iter() {
        let at = names.iter().position(|known| *known == name.as_str())?;
        if found[at].replace(value.decimal().ok()?).is_some() {
            return None;
        }
    }
    Some(found)
}

/// Whether the hash has its full length. PBKDF2, and scrypt with it, would match a truncated hash.
#[cfg(any(feature = "pbkdf2", feature = "scrypt"))]
pub(super) fn is_whole(phc: &argon2::password_hash::phc::PasswordHash) -> bool {
    phc.hash.is_some_and(|hash| matches!(hash.len(), 32 | 64))
}

/// A number of digits only.
#[cfg(any(feature = "bcrypt", feature = "sha-crypt"))]
pub(super) fn decimal(text: &str) -> Option<u32> {
    // `parse` alone would accept a sign.
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// The bytes, if there are this many.
#[cfg(feature = "bcrypt")]
pub(super) fn fixed(bytes: Vec<u8>, len: usize) -> Option<Vec<u8>> {
    Some(bytes).filter(|bytes| bytes.len() == len)
}
