//! Texts with a placeholder for the user's name.

use auth_core::ConfigError;

use crate::dn::{self, DnValue};
use crate::filter::{self, FilterValue};

/// The placeholder.
const PLACE: &str = "{username}";

/// A text, split at the placeholders.
#[derive(Clone, Debug)]
struct Cut(Vec<Box<str>>);

impl Cut {
    fn at(text: &str) -> Self {
        Self(text.split(PLACE).map(Box::from).collect())
    }

    fn has_place(&self) -> bool {
        self.0.len() > 1
    }

    /// The value is inserted once: a placeholder within it stays as it is.
    fn fill(&self, value: &str) -> String {
        self.0.join(value)
    }
}

/// A search filter with a placeholder for the name.
#[derive(Clone, Debug)]
pub(crate) struct FilterTemplate(Cut);

impl FilterTemplate {
    /// # Errors
    /// [`ConfigError`] if the text is not a filter, or does not use the name as a value.
    pub(crate) fn parse(text: &str) -> Result<Self, ConfigError> {
        let template = Self(Cut::at(text));
        let refused = |why| ConfigError::new(format!("the filter {text:?} {why}"));
        if !template.0.has_place() {
            return Err(refused("has no `{username}`: every name would find the same"));
        }
        // `confirm` fills in `anything`.
        let is_filter = |value: &FilterValue| filter::is_one(&template.fill(value));
        if !is_filter(&FilterValue::of("x")) || !is_filter(&FilterValue::anything()) || is_loose(&template.0)
        {
            return Err(refused("is not a filter with the name as a value: write `(uid={username})`"));
        }
        Ok(template)
    }

    pub(crate) fn fill(&self, value: &FilterValue) -> String {
        self.0.fill(value.as_str())
    }
}

/// Whether a placeholder is elsewhere than at the start of the value of a plain equality.
fn is_loose(cut: &Cut) -> bool {
    let is_equality = |before: &str| {
        before.strip_suffix('=').is_some_and(|attribute| !attribute.ends_with([':', '~', '<', '>']))
    };
    cut.0.iter().rev().skip(1).any(|before| !is_equality(before))
}

/// A distinguished name with a placeholder for the user's name.
#[derive(Clone, Debug)]
pub(crate) struct DnTemplate(Cut);

impl DnTemplate {
    /// # Errors
    /// [`ConfigError`] if the text is not a DN, or does not use the name as a value.
    pub(crate) fn parse(text: &str) -> Result<Self, ConfigError> {
        let template = Self(Cut::at(text));
        let refused = |why| ConfigError::new(format!("the DN {text:?} {why}"));
        if !template.0.has_place() {
            return Err(refused("has no `{username}`: every name would be the same user"));
        }
        let name = dn::parse(&template.fill(&DnValue::of(PLACE))).unwrap_or_default();
        let values = name.iter().flatten().filter(|(_, value)| value == PLACE.as_bytes()).count();
        if values != template.0.0.len() - 1 {
            return Err(refused("is not a DN with the name as a value: write `uid={username},ou=people,…`"));
        }
        Ok(template)
    }

    pub(crate) fn fill(&self, value: &DnValue) -> String {
        self.0.fill(value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_have_a_place_as_a_value() {
        let filters = [
            ("(uid={username})", true),
            ("(&(objectClass=person)(|(uid={username})(mail={username})))", true),
            ("(mail={username}@example.org)", true),
            ("(uid=alice)", false),
            ("uid={username}", false),
            ("({username}=alice)", false),
            ("(uid={username}", false),
            ("(&(uid=a){username})", false),
            ("(uid:caseExactMatch:={username})", false),
            ("(uid>={username})", false),
            ("(uid~={username})", false),
            ("(uid=a*{username})", false),
            ("", false),
        ];
        for (text, good) in filters {
            assert_eq!(FilterTemplate::parse(text).is_ok(), good, "{text}");
        }
        let names = [
            ("uid={username},ou=people,dc=example", true),
            ("cn=x+uid={username},dc=example", true),
            ("uid={username}-adm,dc=example", false),
            ("{username}=a,dc=example", false),
            ("uid=alice,dc=example", false),
            ("{username}", false),
            ("uid={username},", false),
        ];
        for (text, good) in names {
            assert_eq!(DnTemplate::parse(text).is_ok(), good, "{text}");
        }
    }

    #[test]
    fn a_name_that_looks_like_a_place_stays_a_name() {
        let template = FilterTemplate::parse("(|(uid={username})(cn={username}))").unwrap();
        assert_eq!(template.fill(&FilterValue::of("{username}")), "(|(uid={username})(cn={username}))");
    }

    proptest! {
        /// Whatever the name, the DN has as many parts as its template, and the name is a value of it.
        #[test]
        fn names_stay_values(username in "\\PC{1,20}|[ ,+\"\\\\<>;=#{}a]{1,10}") {
            let template = DnTemplate::parse("uid={username},ou=people,dc=example").unwrap();
            let name = dn::parse(&template.fill(&DnValue::of(&username))).unwrap();
            prop_assert_eq!(name.len(), 3);
            prop_assert_eq!(&name[0], &vec![("uid".to_owned(), username.into_bytes())]);
        }
    }
}
