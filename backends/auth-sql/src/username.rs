//! [`canonical`]: the one function that turns a user name into a key.

use std::fmt;

use auth_core::Password;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_public_assigned;

/// The key of a user name: names with the same key are the same name.
///
/// Creation, look-up and provisioning all use it, so that they agree on which names are the same (CVE-2019-19844).
/// The key is the NFKC form in lower case, whatever the locale; a Greek final sigma counts as sigma. Similar
/// characters of different scripts stay different.
///
/// ```
/// use auth_sql::canonical;
///
/// assert_eq!(canonical("Alice")?, canonical("ＡＬＩＣＥ")?);
/// assert!(canonical("alice\u{200b}").is_err());
/// # Ok::<(), auth_sql::InvalidUsername>(())
/// ```
///
/// # Errors
/// [`InvalidUsername`] if the name or its key
///
/// * is empty or longer than 255 bytes (checked first: a long name costs nothing),
/// * contains a character that is invisible, reorders others or has no assigned meaning: control, bidirectional,
///   zero-width and other format characters, variation selectors, private use, unassigned, noncharacters,
/// * contains white space other than single spaces between other characters.
pub fn canonical(username: &str) -> Result<String, InvalidUsername> {
    check(username)?;
    let folded: String = username.nfkc().flat_map(char::to_lowercase).map(final_sigma).collect();
    let key: String = folded.nfkc().collect();
    check(&key)?;
    Ok(key)
}

fn final_sigma(c: char) -> char {
    if c == 'ς' { 'σ' } else { c }
}

fn check(name: &str) -> Result<(), InvalidUsername> {
    if name.is_empty() || name.len() > Password::MAX_USERNAME_LEN {
        return Err(InvalidUsername::LENGTH);
    }
    if name.starts_with(' ') || name.ends_with(' ') || name.contains("  ") {
        return Err(InvalidUsername::SPACE);
    }
    if !name.chars().all(is_plain) {
        return Err(InvalidUsername::CHARACTER);
    }
    Ok(())
}

/// Whether people can see and type a character.
fn is_plain(c: char) -> bool {
    if c.is_ascii() {
        return c == ' ' || c.is_ascii_graphic();
    }
    !c.is_control() && !c.is_whitespace() && is_public_assigned(c) && !is_invisible(c)
}

/// Format characters (Unicode's Cf) and those that are not displayed (`Default_Ignorable_Code_Point`).
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}'
        | '\u{890}'..='\u{891}' | '\u{8e2}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffd}' | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Says why a text cannot be a user name. The message does not repeat the name.
///
/// ```
/// let error = auth_sql::canonical("alice ").unwrap_err();
/// assert_eq!(error.to_string(), "a user name has no space at its ends and no two in a row");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidUsername(&'static str);

impl InvalidUsername {
    const LENGTH: Self = Self("a user name has 1 to 255 bytes, also in its canonical form");
    const SPACE: Self = Self("a user name has no space at its ends and no two in a row");
    const CHARACTER: Self = Self("a user name has visible characters and single spaces only");
}

impl fmt::Display for InvalidUsername {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for InvalidUsername {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Names that are equal to a reader have one key.
    #[test]
    fn equal_names_have_one_key() {
        let table = [
            ("case", "Alice", "aLICE"),
            ("full width", "alice", "ａｌｉｃｅ"),
            ("composed", "Jos\u{e9}", "jose\u{301}"),
            ("ligature", "ﬁona", "FIONA"),
            ("Kelvin sign", "\u{212a}ate", "kate"),
            ("long s", "\u{17f}am", "SAM"),
            ("final sigma", "ΟΔΟΣ", "οδος"),
            ("superscript", "user²", "user2"),
            ("inner space", "Ann Lee", "ann lee"),
        ];
        for (name, one, other) in table {
            assert_eq!(canonical(one).unwrap(), canonical(other).unwrap(), "{name}");
        }
    }

    #[test]
    fn other_names_have_other_keys() {
        let table = [
            ("dotless i", "mıke", "mike"),
            ("dotted I", "\u{130}an", "ian"),
            ("Cyrillic a", "\u{430}lice", "alice"),
            ("sharp s", "straße", "strasse"),
            ("accent", "josé", "jose"),
        ];
        for (name, one, other) in table {
            assert_ne!(canonical(one).unwrap(), canonical(other).unwrap(), "{name}");
        }
    }

    #[test]
    fn hostile_names_are_refused() {
        let characters = [
            '\0',
            '\t',
            '\n',
            '\r',
            '\u{1b}',
            '\u{7f}',
            '\u{85}',
            '\u{a0}',
            '\u{ad}',
            '\u{34f}',
            '\u{61c}',
            '\u{115f}',
            '\u{1680}',
            '\u{180e}',
            '\u{2003}',
            '\u{200b}',
            '\u{200d}',
            '\u{200e}',
            '\u{2028}',
            '\u{2029}',
            '\u{202e}',
            '\u{2060}',
            '\u{2066}',
            '\u{2069}',
            '\u{3000}',
            '\u{3164}',
            '\u{e000}',
            '\u{fdd0}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{ffa0}',
            '\u{fffd}',
            '\u{fffe}',
            '\u{ffff}',
            '\u{378}',
            '\u{1d173}',
            '\u{e0041}',
            '\u{f0000}',
            '\u{10ffff}',
        ];
        for c in characters {
            for name in [format!("{c}alice"), format!("al{c}ice"), format!("alice{c}"), c.to_string()] {
                assert!(canonical(&name).is_err(), "{name:?}");
            }
        }
        for name in ["", " ", " alice", "alice ", "a  b", "\u{a8}x"] {
            assert!(canonical(name).is_err(), "{name:?}");
        }
    }

    /// The length is looked at before any work, and again after it.
    #[test]
    fn long_names_are_refused() {
        assert!(canonical(&"a".repeat(255)).is_ok());
        assert!(canonical(&"a".repeat(256)).is_err());
        assert!(canonical(&"\u{fdfa}".repeat(85)).is_err(), "255 bytes that become 2805");
        let megabyte = "\u{fdfa}".repeat(350_000);
        let refused_in = || {
            let start = std::time::Instant::now();
            assert!(canonical(&megabyte).is_err());
            start.elapsed()
        };
        // The best of many: the machine may be busy with other things.
        assert!((0..100).map(|_| refused_in()).min().is_some_and(|best| best.as_millis() < 1));
    }

    proptest! {
        /// A key is its own key, and none is longer than a name may be.
        #[test]
        fn keys_are_stable(name in "\\PC{1,40}") {
            if let Ok(key) = canonical(&name) {
                prop_assert_eq!(canonical(&key), Ok(key.clone()));
                prop_assert!(key.len() <= 255);
            }
        }
    }

    #[test]
    fn every_character_has_a_stable_key() {
        for c in '\0'..=char::MAX {
            if let Ok(key) = canonical(&format!("a{c}b")) {
                assert_eq!(canonical(&key), Ok(key.clone()), "{c:?}");
            }
        }
    }
}
