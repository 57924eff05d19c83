//! Distinguished names as text (RFC 4514).

/// One part of a name: its attributes with their values, usually one.
pub(crate) type Rdn = Vec<(String, Vec<u8>)>;

/// A value in a distinguished name, escaped so that it cannot end the value (RFC 4514 §2.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DnValue(String);

impl DnValue {
    pub(crate) fn of(text: &str) -> Self {
        let mut escaped = String::with_capacity(text.len() + 8);
        let last = text.chars().count().saturating_sub(1);
        for (place, character) in text.chars().enumerate() {
            match character {
                '\0' => escaped.push_str("\\00"),
                '"' | '+' | ',' | ';' | '<' | '=' | '>' | '\\' => escaped.extend(['\\', character]),
                '#' if place == 0 => escaped.push_str("\\#"),
                ' ' if place == 0 || place == last => escaped.push_str("\\ "),
                _ => escaped.push(character),
            }
        }
        Self(escaped)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The parts of a name, the lowest first; `None` if the text is not a DN.
pub(crate) fn parse(text: &str) -> Option<Vec<Rdn>> {
    let mut rest = text;
    let mut name = Vec::new();
    if rest.trim().is_empty() {
        return Some(name);
    }
    let mut rdn = Vec::new();
    loop {
        let (attribute, value) = rest.split_once('=')?;
        let (value, after) = parse_value(value)?;
        let attribute = attribute.trim();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
        if attribute.is_empty() || !attribute.bytes().all(plain) {
            return None;
        }
        rdn.push((attribute.to_ascii_lowercase(), value));
        match after.chars().next() {
            Some('+') => {}
            Some(',' | ';') => name.push(std::mem::take(&mut rdn)),
            None => {
                name.push(rdn);
                return Some(name);
            }
            Some(_) => return None,
        }
        rest = &after[1..];
    }
}

/// A value, and the rest: nothing, or text that begins with the separator that ends the value.
fn parse_value(text: &str) -> Option<(Vec<u8>, &str)> {
    let text = text.trim_start_matches(' ');
    let mut value = Vec::new();
    // Everything before this is kept; blanks after it only if they were escaped.
    let mut kept = 0;
    let mut rest = text.chars();
    let after = loop {
        let after = rest.as_str();
        match rest.next() {
            None | Some(',' | ';' | '+') => break after,
            Some('"' | '<' | '>' | '\0') => return None,
            Some('\\') => {
                let (byte, length) = escaped(rest.as_str())?;
                value.extend(byte);
                rest = rest.as_str().get(length..)?.chars();
                kept = value.len();
            }
            Some(character) => {
                value.extend(character.encode_utf8(&mut [0; 4]).as_bytes());
                if character != ' ' {
                    kept = value.len();
                }
            }
        }
    };
    value.truncate(kept);
    Some((value, after))
}

/// What follows a backslash: two digits, or a character; and how long that is.
fn escaped(text: &str) -> Option<(Vec<u8>, usize)> {
    let mut digits = text.chars().map(|digit| digit.to_digit(16));
    if let (Some(Some(high)), Some(Some(low))) = (digits.next(), digits.next()) {
        return Some((vec![u8::try_from(high << 4 | low).ok()?], 2));
    }
    let character = text.chars().next().filter(|character| " \"#+,;<=>\\".contains(*character))?;
    Some((vec![u8::try_from(character).ok()?], 1))
}

/// The first value of a name: what people call a group.
pub(crate) fn first_value(dn: &str) -> Option<String> {
    let (_, value) = parse(dn)?.into_iter().next()?.into_iter().next()?;
    String::from_utf8(value).ok()
}

/// A name in a canonical spelling, for comparison.
pub(crate) fn folded(dn: &str) -> String {
    let Some(name) = parse(dn) else { return dn.to_lowercase() };
    let fold = |(attribute, value): &(String, Vec<u8>)| {
        let value = String::from_utf8_lossy(value).to_lowercase();
        format!("{attribute}={}", DnValue::of(&value).as_str())
    };
    let rdns = name.iter().map(|rdn| rdn.iter().map(fold).collect::<Vec<_>>().join("+"));
    rdns.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rdn(attribute: &str, value: &str) -> Rdn {
        vec![(attribute.into(), value.into())]
    }

    /// RFC 4514 §4, and what directories make of it.
    #[test]
    fn names_are_read() {
        let table = [
            ("", Some(vec![])),
            ("UID=jsmith,DC=example", Some(vec![rdn("uid", "jsmith"), rdn("dc", "example")])),
            ("cn = a b , dc=c", Some(vec![rdn("cn", "a b"), rdn("dc", "c")])),
            (r"CN=James \22Jim\22 Smith\2C III", Some(vec![rdn("cn", "James \"Jim\" Smith, III")])),
            (r"cn=Lu\C4\8Di\C4\87", Some(vec![rdn("cn", "Lučić")])),
            (r"cn=a\20,dc=b", Some(vec![rdn("cn", "a "), rdn("dc", "b")])),
            (r"cn=a\ ,dc=b", Some(vec![rdn("cn", "a "), rdn("dc", "b")])),
            ("ou=a+cn=b", Some(vec![[rdn("ou", "a"), rdn("cn", "b")].concat()])),
            ("cn=a,", None),
            ("cn", None),
            ("=a", None),
            ("cn=a\"b", None),
            (r"cn=\zz", None),
            (r"cn=a\", None),
        ];
        for (text, expected) in table {
            assert_eq!(parse(text), expected, "{text}");
        }
    }

    #[test]
    fn spellings_of_a_name_are_one() {
        for other in ["cn=ADMINS,ou=groups", "CN = admins , OU=Groups", r"cn=\61dmins,ou=groups"] {
            assert_eq!(folded(other), folded("cn=admins,ou=groups"), "{other}");
        }
        assert_ne!(folded(r"cn=a\,ou=groups"), folded("cn=a,ou=groups"));
    }

    proptest! {
        /// A value stays one value, and is what was put in.
        #[test]
        fn a_value_stays_one(value in "\\PC{1,20}|[ ,+\"\\\\<>;=#\\x00a]{1,8}") {
            let name = format!("uid={},dc=example", DnValue::of(&value).as_str());
            prop_assert_eq!(parse(&name), Some(vec![rdn("uid", &value), rdn("dc", "example")]), "{}", name);
        }

        #[test]
        fn any_text_is_read_to_an_end(text in "\\PC{0,40}|[ ,+\"\\\\<>;=#a0-9]{0,20}") {
            _ = parse(&text);
        }
    }
}
