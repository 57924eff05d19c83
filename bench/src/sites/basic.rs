//! What an application writes itself where the library stops at the header.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{ALICE, PASSWORD, TOKEN};

/// A caller.
pub(crate) type Name = Arc<str>;

// Passwords and tokens as they are, compared as texts: cheaper than any site should have it. It is the layer
// that is measured, so this favours it.
static PASSWORDS: LazyLock<HashMap<&str, (&str, Name)>> =
    LazyLock::new(|| HashMap::from([(ALICE, (PASSWORD, Name::from(ALICE)))]));
static TOKENS: LazyLock<HashMap<&str, Name>> = LazyLock::new(|| HashMap::from([(TOKEN, Name::from(ALICE))]));

pub(crate) fn by_password(username: &str, password: &str) -> Option<Name> {
    let (right, name) = PASSWORDS.get(username)?;
    (*right == password).then(|| name.clone())
}

pub(crate) fn by_token(token: &str) -> Option<Name> {
    TOKENS.get(token).cloned()
}

/// Reads the value of an `Authorization` header.
pub(crate) fn by_basic(authorization: &str) -> Option<Name> {
    let decoded = STANDARD.decode(authorization.strip_prefix("Basic ")?).ok()?;
    let (username, password) = str::from_utf8(&decoded).ok()?.split_once(':')?;
    by_password(username, password)
}

/// Reads the value of an `Authorization` header.
pub(crate) fn by_bearer(authorization: &str) -> Option<Name> {
    by_token(authorization.strip_prefix("Bearer ")?)
}
