//! Time-based codes (RFC 6238, over RFC 4226).

use std::fmt;
use std::fmt::Write as _;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use subtle::{ConditionallySelectable as _, ConstantTimeEq as _};
use zeroize::Zeroizing;

use super::InvalidFactor;
use crate::Secret;
use crate::random::{Random, RandomError};
use crate::time::Timestamp;

/// The longest key that HMAC-SHA-1 uses without hashing it first.
const BLOCK: usize = 64;
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// 10 to the 6th: the number of six-digit codes.
const CODES: u32 = 1_000_000;

/// The secret that an authenticator app shares with the site, and the codes derived from it.
///
/// Codes have six digits, change every 30 seconds, and use SHA-1. These are fixed: several apps ignore other
/// algorithms, digits or periods in a QR code, and show wrong codes. SHA-1 is not a weakness here, because HMAC does
/// not depend on collision resistance.
///
/// ```
/// use auth_core::factors::Totp;
/// use auth_core::time::Timestamp;
///
/// let totp: Totp = "JBSWY3DPEHPK3PXP".parse()?;
/// let now = Timestamp::from_secs(1_800_000_000);
/// let code = totp.code(now);
/// assert_eq!(totp.matches(code.expose(), now), Some(60_000_000));
/// assert_eq!(totp.matches("12345", now), None);
/// # Ok::<(), auth_core::factors::InvalidFactor>(())
/// ```
#[derive(Clone)]
pub struct Totp {
    /// Padded as HMAC pads a key.
    block: Zeroizing<[u8; BLOCK]>,
    len: usize,
}

impl Totp {
    /// How long one code is shown, in seconds.
    pub const PERIOD: u64 = 30;
    /// The length of a generated secret in bytes: that of the hash (RFC 4226 §4, R6).
    pub const SECRET_LEN: usize = 20;

    /// Draws a new secret.
    ///
    /// ```
    /// use auth_core::factors::Totp;
    /// use auth_core::random::OsRandom;
    ///
    /// let totp = Totp::draw(&OsRandom)?;
    /// assert_eq!(totp.base32().expose().len(), 32);
    /// # Ok::<(), auth_core::random::RandomError>(())
    /// ```
    ///
    /// # Errors
    /// [`RandomError`] if the source failed.
    pub fn draw(random: &dyn Random) -> Result<Self, RandomError> {
        let mut block = Zeroizing::new([0; BLOCK]);
        random.fill(&mut block[..Self::SECRET_LEN])?;
        Ok(Self { block, len: Self::SECRET_LEN })
    }

    /// A secret with this many bytes: 10, as some sites used, to 64.
    pub(super) fn from_bytes(secret: &[u8]) -> Option<Self> {
        let mut block = Zeroizing::new([0; BLOCK]);
        block.get_mut(..secret.len()).filter(|place| place.len() >= 10)?.copy_from_slice(secret);
        Some(Self { block, len: secret.len() })
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.block[..self.len]
    }

    /// The secret as text (RFC 4648 §6, without padding), for users who type it into an app.
    pub fn base32(&self) -> Secret {
        // With its final capacity, so that growing leaves no copy behind.
        let mut text = Zeroizing::new(String::with_capacity(self.len * 8 / 5 + 1));
        for chunk in self.bytes().chunks(5) {
            let mut five = Zeroizing::new([0; 8]);
            five[3..3 + chunk.len()].copy_from_slice(chunk);
            let bits = u64::from_be_bytes(*five);
            for digit in 0..(chunk.len() * 8).div_ceil(5) {
                let value = usize::try_from(bits >> (35 - 5 * digit) & 31).unwrap_or_default();
                text.push(char::from(BASE32[value]));
            }
        }
        Secret::new(text.as_str())
    }

    /// The content of the QR code: `otpauth://totp/…`. The issuer is the site's name and the account the user's, as
    /// the app shows them.
    ///
    /// ```
    /// # use auth_core::factors::Totp;
    /// let totp: Totp = "JBSWY3DPEHPK3PXP".parse()?;
    /// assert!(totp.uri("Shop", "alice").expose().starts_with("otpauth://totp/Shop:alice?secret=JBSWY3DPEHPK3PXP"));
    /// # Ok::<(), auth_core::factors::InvalidFactor>(())
    /// ```
    pub fn uri(&self, issuer: &str, account: &str) -> Secret {
        let mut uri = Zeroizing::new(String::with_capacity(128 + 6 * issuer.len() + 3 * account.len()));
        uri.push_str("otpauth://totp/");
        encode(&mut uri, issuer);
        uri.push(':');
        encode(&mut uri, account);
        uri.push_str("?secret=");
        uri.push_str(self.base32().expose());
        uri.push_str("&issuer=");
        encode(&mut uri, issuer);
        uri.push_str("&algorithm=SHA1&digits=6&period=30");
        Secret::new(uri.as_str())
    }

    /// The code that the app shows at this time.
    ///
    /// ```
    /// # use auth_core::factors::Totp;
    /// # use auth_core::time::Timestamp;
    /// let totp: Totp = "JBSWY3DPEHPK3PXP".parse()?;
    /// assert_eq!(totp.code(Timestamp::from_secs(1_800_000_000)).len(), 6);
    /// # Ok::<(), auth_core::factors::InvalidFactor>(())
    /// ```
    pub fn code(&self, now: Timestamp) -> Secret {
        Secret::new(format!("{:06}", self.truncated(step_at(now)) % CODES))
    }

    /// The time step of this code: the current one, or the one before or after it, because people type slowly and
    /// clocks differ. `None` if it belongs to none of them. Blanks are ignored.
    ///
    /// The caller has to ensure that no code of that step is accepted again.
    ///
    /// ```
    /// # use auth_core::factors::Totp;
    /// # use auth_core::time::Timestamp;
    /// let totp: Totp = "JBSWY3DPEHPK3PXP".parse()?;
    /// let now = Timestamp::from_secs(1_800_000_000);
    /// assert!(totp.matches(totp.code(now).expose(), now).is_some());
    /// # Ok::<(), auth_core::factors::InvalidFactor>(())
    /// ```
    pub fn matches(&self, code: &str, now: Timestamp) -> Option<u64> {
        let code = digits(code)?;
        let present = step_at(now);
        // All three are computed and compared, so that the time reveals nothing. If two are equal, the later one is
        // used up.
        let mut matched = u64::MAX;
        for step in [present.saturating_sub(1), present, present.saturating_add(1)] {
            let is_it = (self.truncated(step) % CODES).ct_eq(&code);
            matched.conditional_assign(&step, is_it);
        }
        (matched != u64::MAX).then_some(matched)
    }

    /// RFC 4226 §5.3.
    fn truncated(&self, step: u64) -> u32 {
        let mut mac = Hmac::<Sha1>::new(&(*self.block).into());
        mac.update(&step.to_be_bytes());
        let hash = mac.finalize().into_bytes();
        let offset = usize::from(hash[19] & 15);
        u32::from_be_bytes([hash[offset], hash[offset + 1], hash[offset + 2], hash[offset + 3]]) & 0x7fff_ffff
    }
}

impl std::str::FromStr for Totp {
    type Err = InvalidFactor;

    /// Reads base32 in either case, with or without blanks, hyphens and padding.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(BLOCK + 1));
        let (mut bits, mut count) = (0_u32, 0);
        for char in text.trim_end_matches('=').bytes().filter(|byte| !b" -".contains(byte)) {
            let digit = BASE32.iter().position(|digit| *digit == char.to_ascii_uppercase());
            let digit = digit.and_then(|digit| u32::try_from(digit).ok()).ok_or(InvalidFactor::SECRET)?;
            (bits, count) = ((bits << 5 | digit) & 0xfff, count + 5);
            if count >= 8 {
                count -= 8;
                bytes.push(u8::try_from(bits >> count & 0xff).unwrap_or_default());
            }
            if bytes.len() > BLOCK {
                return Err(InvalidFactor::SECRET);
            }
        }
        Self::from_bytes(&bytes).ok_or(InvalidFactor::SECRET)
    }
}

impl fmt::Debug for Totp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Totp({} bytes)", self.len)
    }
}

fn step_at(now: Timestamp) -> u64 {
    now.as_millis() / 1_000 / Totp::PERIOD
}

/// The number of six ASCII digits, with blanks among them as apps show them.
pub(super) fn digits(code: &str) -> Option<u32> {
    let (mut number, mut count) = (0, 0);
    for byte in code.bytes().filter(|byte| *byte != b' ') {
        if !byte.is_ascii_digit() || count == 6 {
            return None;
        }
        (number, count) = (number * 10 + u32::from(byte - b'0'), count + 1);
    }
    (count == 6).then_some(number)
}

/// Percent-encodes, a blank as `%20`: apps show a `+` as it is.
fn encode(uri: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            // Writing to a text cannot fail.
            let _ = write!(uri, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rfc() -> Totp {
        Totp::from_bytes(b"12345678901234567890").unwrap()
    }

    /// RFC 4226, appendix D.
    #[test]
    fn hotp_is_as_in_its_rfc() {
        let truncated = [
            1_284_755_224,
            1_094_287_082,
            137_359_152,
            1_726_969_429,
            1_640_338_314,
            868_254_676,
            1_918_287_922,
            82_162_583,
            673_399_871,
            645_520_489,
        ];
        for (step, expected) in (0..).zip(truncated) {
            assert_eq!(rfc().truncated(step), expected, "{step}");
        }
        assert_eq!(rfc().code(Timestamp::from_millis(0)).expose(), "755224");
        assert_eq!(rfc().code(Timestamp::from_secs(29)).expose(), "755224");
        assert_eq!(rfc().code(Timestamp::from_secs(210)).expose(), "162583");
    }

    /// RFC 6238, appendix B: eight digits, of which we show six.
    #[test]
    fn totp_is_as_in_its_rfc() {
        let table = [
            (59, 94_287_082),
            (1_111_111_109, 7_081_804),
            (1_111_111_111, 14_050_471),
            (1_234_567_890, 89_005_924),
            (2_000_000_000, 69_279_037),
            (20_000_000_000, 65_353_130),
        ];
        for (seconds, expected) in table {
            let now = Timestamp::from_secs(seconds);
            assert_eq!(rfc().truncated(step_at(now)) % 100_000_000, expected, "{seconds}");
            let code = format!("{:06}", expected % 1_000_000);
            assert_eq!(rfc().matches(&code, now), Some(seconds / 30));
        }
    }

    #[test]
    fn a_step_before_and_after_are_good_and_no_other() {
        let now = Timestamp::from_secs(1_800_000_015);
        for (off, is_good) in [(-60_i64, false), (-30, true), (0, true), (30, true), (60, false)] {
            let then = now.as_millis().checked_add_signed(off * 1_000).unwrap();
            let code = rfc().code(Timestamp::from_millis(then));
            let step = is_good.then_some(then / 30_000);
            assert_eq!(rfc().matches(code.expose(), now), step, "{off}");
        }
        assert!(rfc().matches("755224", Timestamp::default()).is_some(), "in 1970");
    }

    #[test]
    fn six_digits_and_nothing_else_are_a_code() {
        for good in ["123456", "123 456", " 12 34 56 "] {
            assert_eq!(digits(good), Some(123_456), "{good}");
        }
        assert_eq!(digits("000007"), Some(7));
        let bad = [
            "",
            "12345",
            "1234567",
            "12345a",
            "-12345",
            "+12345",
            "123-456",
            "１２３４５６",
            "123456\n",
            "0x1234",
        ];
        for bad in bad.into_iter().chain(["1234560", "٠١٢٣٤٥", "123.456", "     "]) {
            assert_eq!(digits(bad), None, "{bad}");
        }
    }

    #[test]
    fn secrets_are_read_as_they_are_typed() {
        // RFC 4648 §10, repeated to be long enough.
        let foobar: Totp = "MZXW6YTBOJTG633CMFZA".parse().unwrap();
        assert_eq!(foobar.bytes(), b"foobarfoobar");
        assert_eq!(foobar.base32().expose(), "MZXW6YTBOJTG633CMFZA");
        for same in ["mzxw6ytbojtg633cmfza", "MZXW 6YTB OJTG 633C MFZA====", "mzxw-6ytb-ojtg-633c-mfza"] {
            assert_eq!(same.parse::<Totp>().unwrap().bytes(), b"foobarfoobar", "{same}");
        }
        for bad in ["", "MZXW6YTB", "MZXW6YTBOJTG633CMFZ1", "MZXW6YTBOJTG633CMFZÄ", &"A".repeat(104)] {
            assert!(bad.parse::<Totp>().is_err(), "{bad}");
        }
        assert_eq!(format!("{foobar:?}"), "Totp(12 bytes)");
    }

    #[test]
    fn the_uri_has_no_plus() {
        let uri = rfc().uri("O'Brien & Söhne", "alice+x@example.com");
        assert_eq!(
            uri.expose(),
            "otpauth://totp/O%27Brien%20%26%20S%C3%B6hne:alice%2Bx%40example.com\
             ?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=O%27Brien%20%26%20S%C3%B6hne\
             &algorithm=SHA1&digits=6&period=30"
        );
    }

    proptest! {
        #[test]
        fn another_library_agrees(
            secret in proptest::collection::vec(any::<u8>(), 16..=64),
            seconds in 0..u64::from(u32::MAX) * 16,
        ) {
            let ours = Totp::from_bytes(&secret).unwrap();
            let theirs = totp_rs::Builder::new().with_secret(secret.clone()).build_noncompliant();
            let code = ours.code(Timestamp::from_secs(seconds));
            prop_assert_eq!(code.expose(), theirs.generate(seconds).to_string());
            let read: Totp = ours.base32().expose().parse().unwrap();
            prop_assert_eq!(read.bytes(), &secret[..]);
        }

        #[test]
        fn any_text_is_read_without_panic(text in ".{0,120}") {
            let _ = (digits(&text), text.parse::<Totp>());
        }
    }
}
