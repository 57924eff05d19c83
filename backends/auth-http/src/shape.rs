//! [`IdentityShape`]: where in an answer to find what.

use auth_core::ConfigError;
use auth_core::backend::{BackendError, Identity};
use serde_json::Value;

use crate::error::invalid;

/// Where a JSON answer holds the parts of an [`Identity`], as JSON pointers (RFC 6901): `/user/id`.
///
/// Parts without a pointer are not read. Except for the subject, a part may be absent or `null`. If it has an
/// unexpected type, the answer is not understood, and nobody signs in.
///
/// ```
/// use auth_http::IdentityShape;
///
/// let shape = IdentityShape::new("/user/id")
///     .username("/user/login")
///     .email("/user/email")
///     .email_verified("/user/email_verified")
///     .groups("/user/groups")
///     .attribute("phone", "/user/contact/phone");
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct IdentityShape {
    subject: String,
    username: Option<String>,
    email: Option<String>,
    email_verified: Option<String>,
    name: Option<String>,
    groups: Option<(String, List)>,
    attributes: Vec<(String, String)>,
    flags_in_words: bool,
}

#[derive(Clone, Copy, Debug)]
enum List {
    Array,
    Words,
}

impl IdentityShape {
    /// Begins with the subject: what stays the same for a person, whatever their name. It must be a text that is not
    /// empty, or an integer.
    ///
    /// ```
    /// # use auth_http::IdentityShape;
    /// let shape = IdentityShape::new("/user/id");
    /// ```
    pub fn new(subject: impl Into<String>) -> Self {
        Self {
            subject: subject.into(),
            username: None,
            email: None,
            email_verified: None,
            name: None,
            groups: None,
            attributes: Vec::new(),
            flags_in_words: false,
        }
    }

    /// Sets where the proposed name of a new user is. If the answer has none, the subject is proposed.
    ///
    /// ```
    /// # use auth_http::IdentityShape;
    /// let shape = IdentityShape::new("/id").username("/login");
    /// ```
    pub fn username(mut self, pointer: impl Into<String>) -> Self {
        self.username = Some(pointer.into());
        self
    }

    /// Sets where the e-mail address is.
    ///
    /// ```
    /// # use auth_http::IdentityShape;
    /// let shape = IdentityShape::new("/id").email("/email").email_verified("/email_verified");
    /// ```
    pub fn email(mut self, pointer: impl Into<String>) -> Self {
        self.email = Some(pointer.into());
        self
    }

    /// Sets where the answer says whether the address is verified: only `true` means so.
    ///
    /// ```
    /// # use auth_http::IdentityShape;
    /// let shape = IdentityShape::new("/id").email("/email").email_verified("/email_verified");
    /// ```
    pub fn email_verified(mut self, pointer: impl Into<String>) -> Self {
        self.email_verified = Some(pointer.into());
        self
    }

    /// Sets where the display name is.
    ///
    /// ```
    /// # use auth_http::IdentityShape;
    /// let shape = IdentityShape::new("/id").name("/display_name");
    /// ```
    pub fn name(mut self, pointer: impl Into<String>) -> Self {
        self.name = Some(pointer.into());
        self
    }

    /// Sets where the groups are: an array of texts. If it is absent, the groups are unknown, which is not "none".
    ///
    /// ```
    /// # use auth_http::IdentityShape;
    /// let shape = IdentityShape::new("/id").groups("/groups");
    /// ```
    pub fn groups(mut self, pointer: impl Into<String>) -> Self {
        self.groups = Some((pointer.into(), List::Array));
        self
    }

    /// Sets where the groups are, as words of one text separated by blanks, as in a token's `/scope`.
    ///
    /// ```
    /// # use auth_http::IdentityShape;
    /// let shape = IdentityShape::new("/sub").groups_in_words("/scope");
    /// ```
    pub fn groups_in_words(mut self, pointer: impl Into<String>) -> Self {
        self.groups = Some((pointer.into(), List::Words));
        self
    }

    /// Adds an attribute: a text, a number, a truth value, or an array of these.
    ///
    /// ```
    /// # use auth_http::IdentityShape;
    /// let shape = IdentityShape::new("/id").attribute("phone", "/contact/phone");
    /// ```
    pub fn attribute(mut self, name: impl Into<String>, pointer: impl Into<String>) -> Self {
        self.attributes.push((name.into(), pointer.into()));
        self
    }

    /// Also accepts the text `"true"` as true, as some issuers write it. Every other text is invalid.
    ///
    /// ```
    /// # use auth_http::IdentityShape;
    /// let shape = IdentityShape::new("/sub").email_verified("/email_verified").flags_in_words();
    /// ```
    pub fn flags_in_words(mut self) -> Self {
        self.flags_in_words = true;
        self
    }

    /// The pointer to the subject.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Checks that everything named is a pointer.
    ///
    /// ```
    /// # use auth_http::IdentityShape;
    /// assert!(IdentityShape::new("/id").check().is_ok());
    /// assert!(IdentityShape::new("id").check().is_err());
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] if something is not.
    pub fn check(&self) -> Result<(), ConfigError> {
        let single = [&self.username, &self.email, &self.email_verified, &self.name].into_iter().flatten();
        let lists = self.groups.iter().map(|(pointer, _)| pointer);
        let attributes = self.attributes.iter().map(|(_, pointer)| pointer);
        let mut all = single.chain(lists).chain(attributes).chain([&self.subject]);
        match all.find(|pointer| !is_pointer(pointer)) {
            None => Ok(()),
            Some(pointer) => Err(ConfigError::new(format!(
                "a JSON pointer starts with '/', like /user/id, and not {pointer:?}"
            ))),
        }
    }

    /// Reads the identity that an answer of this issuer is about.
    ///
    /// ```
    /// use auth_http::IdentityShape;
    /// use serde_json::json;
    ///
    /// let shape = IdentityShape::new("/id").username("/login");
    /// let alice = shape.read("https://accounts.example.com", &json!({ "id": 7, "login": "alice" }))?;
    /// assert_eq!(alice.subject(), "7");
    /// # Ok::<(), auth_core::backend::BackendError>(())
    /// ```
    ///
    /// # Errors
    /// [`BackendError`] if it names no subject, or a part has an unexpected type.
    pub fn read(&self, issuer: &str, answer: &Value) -> Result<Identity, BackendError> {
        let mut identity = Identity::new(issuer, self.read_subject(answer)?);
        if let Some(username) = text(answer, self.username.as_deref())? {
            identity = identity.with_username(username);
        }
        if let Some(name) = text(answer, self.name.as_deref())? {
            identity = identity.with_name(name);
        }
        let is_verified = self.read_flag(answer, self.email_verified.as_deref())?;
        if let Some(email) = text(answer, self.email.as_deref())? {
            identity = if is_verified {
                identity.with_verified_email(email)
            } else {
                identity.with_unverified_email(email)
            };
        }
        if let Some(groups) = self.read_groups(answer)? {
            identity = identity.with_groups(groups);
        }
        for (name, pointer) in &self.attributes {
            for value in values(found(answer, Some(pointer)))? {
                identity = identity.with_attribute(name, value);
            }
        }
        Ok(identity)
    }

    fn read_flag(&self, answer: &Value, pointer: Option<&str>) -> Result<bool, BackendError> {
        match found(answer, pointer) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(Value::String(word)) if self.flags_in_words => Ok(word == "true"),
            Some(_) => Err(invalid("a truth value in the answer has an unexpected type")),
        }
    }

    fn read_subject(&self, answer: &Value) -> Result<String, BackendError> {
        match found(answer, Some(&self.subject)) {
            Some(Value::String(subject)) if !subject.is_empty() => Ok(subject.clone()),
            Some(Value::Number(subject)) if !subject.is_f64() => Ok(subject.to_string()),
            _ => Err(invalid("the answer names no subject")),
        }
    }

    fn read_groups(&self, answer: &Value) -> Result<Option<Vec<String>>, BackendError> {
        let Some((pointer, list)) = &self.groups else { return Ok(None) };
        match (found(answer, Some(pointer)), list) {
            (None, _) => Ok(None),
            (Some(Value::Array(groups)), List::Array) => {
                groups.iter().map(group).collect::<Result<_, _>>().map(Some)
            }
            (Some(Value::String(groups)), List::Words) => Ok(Some(words(groups).map(Into::into).collect())),
            (Some(_), _) => Err(invalid("the answer's groups have an unexpected type")),
        }
    }
}

/// The words of a text, separated by blanks.
pub(crate) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(' ').filter(|word| !word.is_empty())
}

/// RFC 6901 §3: empty, or parts that begin with `/`, in which `~` is followed by 0 or 1. The empty pointer means the
/// whole answer, which is not a single value.
fn is_pointer(pointer: &str) -> bool {
    let is_escaped = |part: &str| part.starts_with(['0', '1']);
    pointer.starts_with('/') && pointer.split('~').skip(1).all(is_escaped)
}

/// The value there, unless it is `null`.
fn found<'a>(answer: &'a Value, pointer: Option<&str>) -> Option<&'a Value> {
    pointer.and_then(|pointer| answer.pointer(pointer)).filter(|value| !value.is_null())
}

fn text<'a>(answer: &'a Value, pointer: Option<&str>) -> Result<Option<&'a str>, BackendError> {
    match found(answer, pointer) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(invalid("a text in the answer has an unexpected type")),
    }
}

fn group(value: &Value) -> Result<String, BackendError> {
    value.as_str().map(Into::into).ok_or_else(|| invalid("a group in the answer is not a text"))
}

fn values(value: Option<&Value>) -> Result<Vec<String>, BackendError> {
    match value {
        None => Ok(Vec::new()),
        Some(Value::Array(values)) => values.iter().map(scalar).collect(),
        Some(value) => Ok(vec![scalar(value)?]),
    }
}

fn scalar(value: &Value) -> Result<String, BackendError> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(flag) => Ok(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => {
            Err(invalid("an attribute in the answer has an unexpected type"))
        }
    }
}

#[cfg(test)]
mod tests {
    use auth_core::backend::Groups;
    use serde_json::json;

    use super::*;

    fn shape() -> IdentityShape {
        let shape = IdentityShape::new("/user/id").username("/user/login").name("/user/name");
        let shape = shape.email("/user/mail").email_verified("/user/verified").groups("/user/groups");
        shape.attribute("phone", "/user/phones").attribute("a/b", "/user/a~1b")
    }

    #[test]
    fn an_answer_becomes_an_identity() {
        let answer = json!({"user": {
            "id": 7, "login": "alice", "name": "Alice", "mail": "a@example.com", "verified": true,
            "groups": ["staff"], "phones": ["1", 2, true], "a/b": "slash", "admin": true,
        }});
        let expected = Identity::new("issuer", "7").with_username("alice").with_name("Alice");
        let expected = expected.with_verified_email("a@example.com").with_groups(["staff"]);
        let expected = expected.with_attribute("phone", "1").with_attribute("phone", "2");
        let expected = expected.with_attribute("phone", "true").with_attribute("a/b", "slash");
        assert_eq!(shape().read("issuer", &answer).unwrap(), expected);
        let little = shape().read("issuer", &json!({"user": {"id": "x", "groups": null}})).unwrap();
        assert_eq!(little, Identity::new("issuer", "x"));
        assert_eq!(little.groups(), &Groups::Unknown, "not told is not none");
    }

    #[test]
    fn what_is_of_another_type_is_not_understood() {
        let table = [
            ("no subject", json!({})),
            ("an empty subject", json!({"user": {"id": ""}})),
            ("a null subject", json!({"user": {"id": null}})),
            ("a fraction as subject", json!({"user": {"id": 1.5}})),
            ("a list as subject", json!({"user": {"id": ["a"]}})),
            ("a truth value as subject", json!({"user": {"id": true}})),
            ("a number as name", json!({"user": {"id": "a", "login": 1}})),
            ("a word as truth value", json!({"user": {"id": "a", "mail": "m", "verified": "true"}})),
            ("a number as truth value", json!({"user": {"id": "a", "mail": "m", "verified": 1}})),
            ("a text as groups", json!({"user": {"id": "a", "groups": "staff"}})),
            ("numbers as groups", json!({"user": {"id": "a", "groups": [1]}})),
            ("an object as attribute", json!({"user": {"id": "a", "phones": {}}})),
            ("a null in an attribute", json!({"user": {"id": "a", "phones": [null]}})),
        ];
        for (name, answer) in table {
            assert!(shape().read("issuer", &answer).is_err(), "{name}");
        }
    }

    #[test]
    fn words_are_truth_values_where_that_was_asked_for() {
        let verified = |word: Value| {
            let answer = json!({"user": {"id": "a", "mail": "m", "verified": word}});
            let identity = shape().flags_in_words().read("issuer", &answer).ok()?;
            identity.email().map(|email| email.verified)
        };
        assert_eq!([verified(json!(true)), verified(json!("true"))], [Some(true); 2]);
        for word in
            [json!(false), json!(null), json!("false"), json!("True"), json!("1"), json!(""), json!("true ")]
        {
            assert_eq!(verified(word.clone()), Some(false), "{word}");
        }
        assert_eq!(verified(json!(1)), None);
    }

    #[test]
    fn pointers_are_checked() {
        assert!(shape().check().is_ok());
        for bad in ["", "user", "/a~", "/a~2", "$.user"] {
            assert!(IdentityShape::new(bad).check().is_err(), "{bad}");
            assert!(shape().attribute("a", bad).check().is_err(), "{bad}");
        }
    }
}
