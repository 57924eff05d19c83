//! Numbers as letters and digits.

use std::fmt;

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// How many digits 64 bits take.
pub(crate) const ID_LEN: usize = 11;

/// Writes an id, always with the same length.
pub(crate) fn write_id(id: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let digits: [u8; ID_LEN] = encode(id.into());
    f.write_str(std::str::from_utf8(&digits).unwrap_or_default())
}

/// The id in this notation. Each id has exactly one text.
pub(crate) fn read_id(text: &str) -> Option<u64> {
    let digits = Some(text.as_bytes()).filter(|digits| digits.len() == ID_LEN);
    digits.and_then(decode).and_then(|number| u64::try_from(number).ok())
}

/// A number in base 62, with leading zeros.
pub(crate) fn encode<const N: usize>(mut number: u128) -> [u8; N] {
    let mut digits = [b'0'; N];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[usize::try_from(number % 62).unwrap_or_default()];
        number /= 62;
    }
    digits
}

pub(crate) fn decode(digits: &[u8]) -> Option<u128> {
    // Several digits at a time fit into 64 bits, which is cheaper than 128 bits for each.
    digits.chunks(DIGITS_IN_64_BITS).try_fold(0_u128, |number, chunk| {
        let (value, scale) = chunk.iter().try_fold((0_u64, 1_u64), |(value, scale), digit| {
            let digit = VALUES[usize::from(*digit)];
            (digit < 62).then(|| (value * 62 + u64::from(digit), scale * 62))
        })?;
        number.checked_mul(scale.into())?.checked_add(value.into())
    })
}

const DIGITS_IN_64_BITS: usize = 10;

/// The values of digits; 255 for anything else.
const VALUES: [u8; 256] = {
    let mut values = [u8::MAX; 256];
    let mut value = 0;
    while value < DIGITS.len() {
        #[expect(clippy::cast_possible_truncation, reason = "there are 62")]
        {
            values[DIGITS[value] as usize] = value as u8;
        }
        value += 1;
    }
    values
};
