//! [`PasswordPolicy`]: which new passwords are refused, and why.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;

use zxcvbn::zxcvbn;

use crate::{ConfigError, Password, Secret};

/// Which new passwords are refused: for registration, a change of the password, and administration. It is never
/// applied at a login.
///
/// It follows NIST SP 800-63B-4 §3.1.1.2: length counts, and what attackers try first is refused. There are no rules
/// about upper case, digits or symbols, because those do not make passwords better. All reasons are reported
/// together.
///
/// ```
/// use auth_core::Secret;
/// use auth_core::password::{PasswordPolicy, Weakness};
///
/// let policy = PasswordPolicy::new().with_context_words(["Wonder Shop"]);
/// // What the registration page asked for besides the password.
/// let about = ["alice", "alice.liddell@example.com"];
///
/// assert!(policy.check(&Secret::new("the hare pours cold tea"), &about).is_ok());
/// let weak = policy.check(&Secret::new("4815162342"), &about).unwrap_err();
/// assert_eq!(weak.reasons(), [Weakness::TooShort { min: 15 }, Weakness::Numeric, Weakness::Common]);
/// assert_eq!(weak.reasons()[1].to_string(), "it has only digits");
/// ```
///
/// | reason | rule |
/// |---|---|
/// | [`TooShort`](Weakness::TooShort) | code points, 15 unless set; 8 beside a second factor |
/// | [`TooLong`](Weakness::TooLong) | more than 4096 bytes, as at login; nothing else is looked at then |
/// | [`TooLong`](Weakness::TooLong) | more than 4096 bytes, as at login; nothing else is checked then |
/// | [`Similar`](Weakness::Similar) | Django's rule: a word about the user shares 7 in 10 of the letters of both |
/// | [`Similar`](Weakness::Similar) | Django's rule: a word about the user shares 7 in 10 of the letters of both |
/// | [`Common`](Weakness::Common) | fewer than 10⁸ guesses by zxcvbn's estimate: its 30,000 most common passwords, as they are, repeated, reversed or with substitutions; dates, rows of keys, sequences |
#[derive(Clone, Debug)]
#[must_use]
pub struct PasswordPolicy {
    min_length: usize,
    context: Vec<String>,
}

/// Why a password is refused. Its text is a clause about the password, for people.
///
/// ```
/// use auth_core::password::Weakness;
///
/// assert_eq!(Weakness::TooShort { min: 15 }.to_string(), "it has fewer than 15 characters");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Weakness {
    /// It has fewer code points than this.
    TooShort {
        /// The minimum.
        min: usize,
    },
    /// It has more bytes than this.
    TooLong {
        /// The maximum.
        max: usize,
    },
    /// It has only digits.
    Numeric,
    /// It resembles the user's name, or something else about them.
    Similar,
    /// It is one of the most common passwords, or easy to guess.
    Common,
    /// It consists of words about the user or the service, and little else.
    Context,
}

/// A refused password, with all reasons. It does not contain the password.
///
/// ```
/// use auth_core::Secret;
/// use auth_core::password::PasswordPolicy;
///
/// let weak = PasswordPolicy::new().check(&Secret::new("password"), &[]).unwrap_err();
/// for reason in weak.reasons() {
///     println!("Please choose another one: {reason}.");
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeakPassword(Vec<Weakness>);

/// How many guesses a password must withstand: zxcvbn considers it safe from attacks over the network, and it is hard
/// enough to attack a stolen slow hash.
const GUESSES: u64 = 100_000_000;
/// Django's limit for the share of common letters.
const SIMILAR: f64 = 0.7;
/// How many letters and digits there must be besides words about the user and the service.
const BESIDES: usize = 8;
/// A shorter word is part of too many others, and a longer one is not a name.
const WORD: RangeInclusive<usize> = 3..=255;

impl PasswordPolicy {
    /// The minimum length in code points, unless set.
    pub const MIN_LENGTH: usize = 15;
    /// The minimum length together with a second factor, which is also the lowest that can be set.
    pub const MIN_LENGTH_WITH_SECOND_FACTOR: usize = 8;
    /// The highest minimum that can be set.
    const MAX_MIN_LENGTH: usize = 64;

    /// Requires at least 15 code points, and has no context words.
    ///
    /// ```
    /// use auth_core::Secret;
    /// use auth_core::password::PasswordPolicy;
    ///
    /// assert!(PasswordPolicy::new().check(&Secret::new("the hare pours cold tea"), &["alice"]).is_ok());
    /// ```
    pub fn new() -> Self {
        Self { min_length: Self::MIN_LENGTH, context: Vec::new() }
    }

    /// For sites where a password is never enough without a second factor: requires at least 8 code points.
    ///
    /// ```
    /// let policy = auth_core::password::PasswordPolicy::new().with_second_factor();
    /// ```
    pub fn with_second_factor(mut self) -> Self {
        self.min_length = Self::MIN_LENGTH_WITH_SECOND_FACTOR;
        self
    }

    /// Sets the minimum length in code points.
    ///
    /// ```
    /// let policy = auth_core::password::PasswordPolicy::new().with_min_length(12)?;
    /// # Ok::<(), auth_core::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] unless it is from 8 to 64.
    pub fn with_min_length(mut self, code_points: usize) -> Result<Self, ConfigError> {
        let range = Self::MIN_LENGTH_WITH_SECOND_FACTOR..=Self::MAX_MIN_LENGTH;
        if !range.contains(&code_points) {
            return Err(ConfigError::new("the least length of a password is from 8 to 64 code points"));
        }
        self.min_length = code_points;
        Ok(self)
    }

    /// Sets words that an attacker of this service would try: its name, the company's, the product's.
    ///
    /// ```
    /// let policy = auth_core::password::PasswordPolicy::new().with_context_words(["Wonder Shop", "Carroll Ltd"]);
    /// ```
    pub fn with_context_words<W: AsRef<str>>(mut self, words: impl IntoIterator<Item = W>) -> Self {
        self.context.extend(words.into_iter().flat_map(|word| parts(word.as_ref())));
        self
    }

    /// Checks a new password. `about` is what is known about its user: names, addresses. The type shows an example.
    ///
    /// It takes milliseconds: call it on a thread for blocking work if that matters.
    ///
    /// # Errors
    /// [`WeakPassword`] with all reasons for which it is refused.
    pub fn check(&self, password: &Secret, about: &[&str]) -> Result<(), WeakPassword> {
        if password.len() > Password::MAX_PASSWORD_LEN {
            return Err(WeakPassword(vec![Weakness::TooLong { max: Password::MAX_PASSWORD_LEN }]));
        }
        let password = password.expose();
        let about: Vec<_> = about.iter().flat_map(|word| parts(word)).collect();
        let words = self.context.iter().chain(&about);
        let judged = [
            (password.chars().count() < self.min_length, Weakness::TooShort { min: self.min_length }),
            (!password.is_empty() && password.chars().all(char::is_numeric), Weakness::Numeric),
            (is_similar(password, &about), Weakness::Similar),
            (is_common(password), Weakness::Common),
            (is_made_of(password, words.map(String::as_str).collect()), Weakness::Context),
        ];
        let reasons: Vec<_> =
            judged.into_iter().filter_map(|(is, weakness)| is.then_some(weakness)).collect();
        if reasons.is_empty() { Ok(()) } else { Err(WeakPassword(reasons)) }
    }
}

impl Default for PasswordPolicy {
    fn default() -> Self {
        Self::new()
    }
}

/// A text in lower case and its words, as Django splits them.
fn parts(text: &str) -> Vec<String> {
    if !WORD.contains(&text.len()) {
        return Vec::new();
    }
    let text = text.to_lowercase();
    let is_between = |c: char| !c.is_alphanumeric() && c != '_';
    let words = text.split(is_between).filter(|word| WORD.contains(&word.len()) && *word != text);
    let mut parts: Vec<_> = words.map(String::from).collect();
    parts.push(text);
    parts
}

/// Whether it is easy to guess for anybody. A password that is only short does not count as common.
fn is_common(password: &str) -> bool {
    let length = u32::try_from(password.chars().count()).unwrap_or(u32::MAX);
    zxcvbn(password, &[]).guesses() < 10_u64.saturating_pow(length).min(GUESSES)
}

/// Whether little is left of it without these words.
fn is_made_of(password: &str, mut words: Vec<&str>) -> bool {
    words.sort_by_key(|word| Reverse(word.len()));
    let password = password.to_lowercase();
    let rest = words.iter().fold(password.clone(), |rest, word| rest.replace(word, " "));
    rest != password && rest.chars().filter(|c| c.is_alphanumeric()).count() < BESIDES
}

fn is_similar(password: &str, about: &[String]) -> bool {
    let password = password.to_lowercase();
    about.iter().any(|word| share(&password, word) >= SIMILAR)
}

/// The share of common letters in both texts, in any order: `quick_ratio` of Python's `difflib.SequenceMatcher`. It
/// is linear in their lengths (CVE-2021-45115 was not).
fn share(one: &str, other: &str) -> f64 {
    let mut left: BTreeMap<char, usize> = BTreeMap::new();
    for letter in one.chars() {
        *left.entry(letter).or_default() += 1;
    }
    let is_shared = |letter: &char| match left.get_mut(letter) {
        Some(count) if *count > 0 => {
            *count -= 1;
            true
        }
        _ => false,
    };
    let shared = other.chars().filter(is_shared).count();
    let all = one.chars().count() + other.chars().count();
    let exact = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    2.0 * exact(shared) / exact(all.max(1))
}

impl WeakPassword {
    /// All reasons.
    ///
    /// ```
    /// use auth_core::Secret;
    /// use auth_core::password::{PasswordPolicy, Weakness};
    ///
    /// let weak = PasswordPolicy::new().check(&Secret::new("4815162342"), &[]).unwrap_err();
    /// assert!(weak.reasons().contains(&Weakness::Numeric));
    /// ```
    pub fn reasons(&self) -> &[Weakness] {
        &self.0
    }
}

impl fmt::Display for Weakness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooShort { min } => write!(f, "it has fewer than {min} characters"),
            Self::TooLong { max } => write!(f, "it has more than {max} bytes"),
            Self::Numeric => f.write_str("it has only digits"),
            Self::Similar => f.write_str("it is too much like the name or something else about the user"),
            Self::Common => f.write_str("it is among the first that an attacker tries"),
            Self::Context => {
                f.write_str("it is made of words about the user or the service, and little else")
            }
        }
    }
}

impl fmt::Display for WeakPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reasons: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        write!(f, "the password is too weak: {}", reasons.join("; "))
    }
}

impl std::error::Error for WeakPassword {}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Weakness = Weakness::TooShort { min: 15 };

    fn reasons(policy: &PasswordPolicy, password: &str, about: &[&str]) -> Vec<Weakness> {
        policy.check(&Secret::new(password), about).err().map_or(Vec::new(), |weak| weak.0)
    }

    /// Each rule has its example, and all that fail are told together.
    #[test]
    fn all_reasons_are_told_together() {
        use Weakness::{Common, Context, Numeric, Similar};
        let policy = PasswordPolicy::new().with_context_words(["Wonder Shop", "wondershop"]);
        let about = ["alice", "alice.liddell@example.com"];
        let table: [(&str, &str, &[Weakness]); 18] = [
            ("good", "the hare pours cold tea", &[]),
            ("good, with signs of all scripts", "чай с молоком и Hase ☕", &[]),
            ("blanks count", "to my eye a hat ", &[]),
            ("empty", "", &[SHORT, Common]),
            ("short", "xK9#qLm2vB", &[SHORT]),
            ("common", "password", &[SHORT, Common]),
            ("common, in another case", "PassWord", &[SHORT, Common]),
            ("common, twice", "passwordpassword", &[Common]),
            ("common, dressed up", "P@ssw0rdP@ssw0rd", &[Common]),
            ("one letter", "aaaaaaaaaaaaaaaaaaaaaaaa", &[Common]),
            ("a row of keys", "qwertyuiopasdfghjkl", &[Common]),
            ("digits", "48151623420918273645", &[Numeric]),
            ("digits of a year", "1234567890123456", &[Numeric, Common]),
            ("like the name", "Alice.Liddell@Example", &[Similar, Context]),
            ("the name", "alice", &[SHORT, Similar, Common, Context]),
            ("the name among others", "liddell pours cold tea", &[]),
            ("the service", "wondershop-wondershop", &[Context]),
            ("the user at the service", "liddell@wondershop1", &[Context]),
        ];
        for (name, password, expected) in table {
            assert_eq!(reasons(&policy, password, &about), expected, "{name}");
        }
    }

    #[test]
    fn length_is_counted_in_code_points() {
        let eight = "h\u{e4}xq\u{1f98a}tzv";
        assert_eq!(reasons(&PasswordPolicy::new(), eight, &[]), [SHORT]);
        assert!(reasons(&PasswordPolicy::new().with_second_factor(), eight, &[]).is_empty());
        let seven = &eight[..eight.len() - 1];
        let short = [Weakness::TooShort { min: 8 }];
        assert_eq!(reasons(&PasswordPolicy::new().with_second_factor(), seven, &[]), short);
        for (length, is_taken) in [(7, false), (8, true), (64, true), (65, false)] {
            assert_eq!(PasswordPolicy::new().with_min_length(length).is_ok(), is_taken, "{length}");
        }
    }

    /// What Python says of `SequenceMatcher(a=…, b=…).quick_ratio()`.
    #[test]
    fn letters_are_shared_as_in_django() {
        let table = [
            ("testclient", "testclient", 1.0),
            ("password", "drowssap", 1.0),
            ("abcd", "bcde", 0.75),
            ("alice1234", "alice", 0.714_285_714_285_714_3),
            ("aab", "abb", 0.666_666_666_666_666_6),
            ("abc", "", 0.0),
            ("", "", 0.0),
        ];
        for (one, other, expected) in table {
            assert!((share(one, other) - expected).abs() < 1e-9, "{one} {other}");
        }
    }

    /// CVE-2021-45115: a test that quadratic work would not let end.
    #[test]
    fn long_texts_cost_little() {
        let policy = PasswordPolicy::new();
        let long = "correct horse ".repeat(80_000);
        assert_eq!(reasons(&policy, &long, &[&long]), [Weakness::TooLong { max: 4096 }]);
        let longest = "7 hares pour #cold tea; ".repeat(170);
        assert!(reasons(&policy, &longest, &[&long]).is_empty());
    }

    #[test]
    fn the_text_tells_reasons_and_no_password() {
        let weak = PasswordPolicy::new().check(&Secret::new("canary7"), &[]).unwrap_err();
        assert!(!format!("{weak} {weak:?}").contains("canary"));
        assert!(weak.to_string().starts_with("the password is too weak: it has fewer than 15 characters"));
    }
}
