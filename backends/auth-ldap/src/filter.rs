//! Search filters as text (RFC 4515).

use std::fmt::Write as _;

/// A value in a filter, escaped so that it can neither end the value nor match more than itself (RFC 4515 §3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FilterValue(String);

impl FilterValue {
    pub(crate) fn of(text: &str) -> Self {
        Self::of_bytes(text.as_bytes())
    }

    /// From any bytes: everything but plain ASCII is escaped.
    pub(crate) fn of_bytes(bytes: &[u8]) -> Self {
        let mut escaped = String::with_capacity(bytes.len() + 8);
        for byte in bytes {
            match byte {
                b'*' | b'(' | b')' | b'\\' | ..=0x1F | 0x7F.. => _ = write!(escaped, "\\{byte:02x}"),
                _ => escaped.push(char::from(*byte)),
            }
        }
        Self(escaped)
    }

    /// Matches any value.
    pub(crate) fn anything() -> Self {
        Self("*".into())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// An attribute that equals a value.
pub(crate) fn equals(attribute: &str, value: &FilterValue) -> String {
    format!("({attribute}={})", value.as_str())
}

/// All of these.
pub(crate) fn all<'a>(filters: impl IntoIterator<Item = &'a str>) -> String {
    format!("(&{})", filters.into_iter().collect::<String>())
}

/// Any of these.
pub(crate) fn either<'a>(filters: impl IntoIterator<Item = &'a str>) -> String {
    format!("(|{})", filters.into_iter().collect::<String>())
}

/// Whether a filter can be parsed.
pub(crate) fn is_one(filter: &str) -> bool {
    filter.starts_with('(') && ldap3::parse_filter(filter).is_ok()
}

#[cfg(test)]
mod tests {
    use ldap3::asn1::{ASNTag, PL, TagClass};
    use proptest::prelude::*;

    use super::*;

    /// What the filter asks, if that is one equality.
    fn equality(filter: &str) -> Option<(Vec<u8>, Vec<u8>)> {
        let tag = ldap3::parse_filter(filter).ok()?.into_structure();
        let PL::C(parts) = tag.payload else { return None };
        let values = parts.into_iter().map(|part| match part.payload {
            PL::P(value) => Some(value),
            PL::C(_) => None,
        });
        let values: Vec<_> = values.collect::<Option<_>>()?;
        let [attribute, value] = <[_; 2]>::try_from(values).ok()?;
        (tag.class == TagClass::Context && tag.id == 3).then_some((attribute, value))
    }

    /// CVE-2015-6524, CVE-2022-46337.
    #[test]
    fn values_do_not_become_filters() {
        for value in [
            "*",
            "*)(uid=*",
            "admin)(userPassword=*",
            "\\61lice",
            "a\0",
            "(",
            ")",
            "|",
            "&",
            "!",
            "*)(|(&",
            " ",
        ] {
            let filter = equals("uid", &FilterValue::of(value));
            assert_eq!(equality(&filter), Some((b"uid".into(), value.into())), "{filter}");
        }
    }

    proptest! {
        /// A value stays one value, and is what was put in.
        #[test]
        fn a_value_stays_one(value in "\\PC{1,20}|[*()\\\\\\x00|&!=~<>:a]{1,10}") {
            let filter = equals("uid", &FilterValue::of(&value));
            prop_assert_eq!(equality(&filter), Some((b"uid".into(), value.into())), "{}", filter);
        }

        #[test]
        fn any_bytes_stay_one(value in proptest::collection::vec(any::<u8>(), 1..20)) {
            let filter = equals("objectGUID", &FilterValue::of_bytes(&value));
            prop_assert_eq!(equality(&filter), Some((b"objectGUID".into(), value)), "{}", filter);
        }
    }
}
