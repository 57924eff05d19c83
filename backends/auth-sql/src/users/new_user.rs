//! [`NewUser`]: a user to be created.

use std::fmt;

use auth_core::Secret;

use super::statements::{TRUTH, VALUE};
use crate::driver::Value;

/// A user to be created, by [`SqlUsers::create`](crate::SqlUsers::create) or
/// [`SqlUsers::register`](crate::SqlUsers::register): active, and without a password unless one is given.
///
/// ```
/// use auth_core::Secret;
/// use auth_sql::NewUser;
///
/// let new = NewUser::new("alice")
///     .with_password(Secret::new("correct horse battery staple"))
///     .with_column("email", "alice@example.org")
///     .with_column("newsletter", true);
/// ```
#[derive(Clone)]
#[must_use = "nobody is created until this is passed to `create` or `register`"]
pub struct NewUser {
    pub(super) username: String,
    pub(super) password: Option<Secret>,
    /// Somebody else chose the password.
    pub(super) is_temporary: bool,
    pub(super) is_active: bool,
    pub(super) columns: Vec<(String, ColumnValue)>,
}

impl NewUser {
    /// A user of this name, which is checked when the user is created.
    pub fn new(username: impl Into<String>) -> Self {
        Self {
            username: username.into(),
            password: None,
            is_temporary: false,
            is_active: true,
            columns: Vec::new(),
        }
    }

    /// Sets the password that the user chose.
    pub fn with_password(mut self, password: Secret) -> Self {
        (self.password, self.is_temporary) = (Some(password), false);
        self
    }

    /// Sets a password that an administrator chose. The user [must change it](crate::SqlUser::must_change_password) after the first
    /// login.
    pub fn with_temporary_password(mut self, password: Secret) -> Self {
        (self.password, self.is_temporary) = (Some(password), true);
        self
    }

    /// Sets a further column of the user table, such as an e-mail address.
    ///
    /// [`SqlUsers::create`](crate::SqlUsers::create) refuses the columns that this crate itself writes: name, key, password, security
    /// stamp, and so on. Columns of addresses, attributes and flags may be set.
    pub fn with_column(mut self, column: impl Into<String>, value: impl Into<ColumnValue>) -> Self {
        self.columns.push((column.into(), value.into()));
        self
    }

    /// Keeps the user from signing in until [`SqlUsers::set_active`](crate::SqlUsers::set_active) allows it: while an e-mail address is
    /// not confirmed, for instance.
    pub fn disabled(mut self) -> Self {
        self.is_active = false;
        self
    }
}

impl fmt::Debug for NewUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns: Vec<_> = self.columns.iter().map(|(column, _)| column).collect();
        f.debug_struct("NewUser")
            .field("username", &format_args!("({} bytes)", self.username.len()))
            .field("has_password", &self.password.is_some())
            .field("is_temporary", &self.is_temporary)
            .field("is_active", &self.is_active)
            .field("columns", &columns)
            .finish()
    }
}

/// A value for a further column of a [`NewUser`]: text, a number, a boolean, bytes, or NULL (`None`).
///
/// ```
/// use auth_sql::ColumnValue;
///
/// let nickname = ColumnValue::from(None::<String>);
/// assert_eq!(format!("{nickname:?} {:?}", ColumnValue::from("Ada")), "NULL (text of 3 bytes)");
/// ```
#[derive(Clone)]
pub struct ColumnValue(Kind);

#[derive(Clone)]
enum Kind {
    Null,
    Int(i64),
    Real(f64),
    Truth(bool),
    Text(String),
    Bytes(Vec<u8>),
}

impl ColumnValue {
    /// What stands for it in a statement, and what is bound to that.
    pub(super) fn placed(&self) -> (&'static str, Option<Value<'_>>) {
        match &self.0 {
            // Written out: a bound NULL has a type, which may not be the column's.
            Kind::Null => ("NULL", None),
            Kind::Int(number) => (VALUE, Some((*number).into())),
            Kind::Real(number) => (VALUE, Some(Value::Real(*number))),
            Kind::Truth(truth) => (TRUTH, Some(i64::from(*truth).into())),
            Kind::Text(text) => (VALUE, Some(text.as_str().into())),
            Kind::Bytes(bytes) => (VALUE, Some(bytes.as_slice().into())),
        }
    }
}

impl From<&str> for ColumnValue {
    fn from(text: &str) -> Self {
        Self(Kind::Text(text.into()))
    }
}

impl From<String> for ColumnValue {
    fn from(text: String) -> Self {
        Self(Kind::Text(text))
    }
}

impl From<i64> for ColumnValue {
    fn from(number: i64) -> Self {
        Self(Kind::Int(number))
    }
}

impl From<i32> for ColumnValue {
    fn from(number: i32) -> Self {
        Self(Kind::Int(number.into()))
    }
}

impl From<f64> for ColumnValue {
    fn from(number: f64) -> Self {
        Self(Kind::Real(number))
    }
}

impl From<bool> for ColumnValue {
    fn from(truth: bool) -> Self {
        Self(Kind::Truth(truth))
    }
}

impl From<Vec<u8>> for ColumnValue {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Kind::Bytes(bytes))
    }
}

impl<T: Into<ColumnValue>> From<Option<T>> for ColumnValue {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self(Kind::Null), Into::into)
    }
}

/// What a person gave is not shown.
impl fmt::Debug for ColumnValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Null => f.write_str("NULL"),
            Kind::Int(_) | Kind::Real(_) => f.write_str("(a number)"),
            Kind::Truth(_) => f.write_str("(a truth value)"),
            Kind::Text(text) => write!(f, "(text of {} bytes)", text.len()),
            Kind::Bytes(bytes) => write!(f, "({} bytes)", bytes.len()),
        }
    }
}
