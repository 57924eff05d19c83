//! Base64url as in RFC 7515 §2: no padding, no line breaks, and one notation for each value.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// `None` for anything that an encoder would not have written. Otherwise two texts would be the same token.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_has_one_spelling() {
        for (name, text, expected) in [
            ("nothing", "", Some(&b""[..])),
            ("RFC 7515 appendix C", "A-z_4ME", Some(&[3, 236, 255, 224, 193])),
            ("padded", "A-z_4ME=", None),
            ("bits that count for nothing", "A-z_4MF", None),
            ("one letter over", "A-z_4", None),
            ("the other alphabet", "A+z/4ME", None),
            ("a blank", "A-z_ 4ME", None),
            ("a line break", "A-z_\n4ME", None),
            ("a line break at the end", "A-z_4ME\n", None),
            ("not ASCII", "A-z_4MÉ", None),
        ] {
            assert_eq!(decode(text).as_deref(), expected, "{name}");
        }
    }
}
