//! What a client presents. Each kind of credentials is a type of its own.

use crate::{DeclineReason, Secret};

/// A kind of credentials: the type parameter of [`Backend`](crate::Backend).
///
/// A third party adds a kind by implementing this for its own type; core does not know them all.
pub trait Credentials: Send + Sync + 'static {
    /// What this kind is called in events and logs: `password`, `bearer` …
    const KIND: &'static str;

    /// Whom the client claims to be, for events. Never a secret.
    fn subject(&self) -> Option<&str>;

    /// Bounds that hold before anything is looked up or computed, whatever the backends.
    ///
    /// # Errors
    /// The reason for which no backend is asked, usually [`DeclineReason::Malformed`].
    fn check(&self) -> Result<(), DeclineReason>;
}

/// A user name and a password, exactly as they were received: no trimming, no case folding.
#[derive(Clone, Debug)]
pub struct Password {
    username: String,
    password: Secret,
}

impl Password {
    /// The longest user name that is looked up, in bytes.
    pub const MAX_USERNAME_LEN: usize = 255;
    /// The longest password that is hashed or sent anywhere, in bytes (CVE-2013-1443: long ones are a
    /// cheap way to burn a server's time).
    pub const MAX_PASSWORD_LEN: usize = 4096;

    /// A user name with a password.
    pub fn new(username: impl Into<String>, password: impl Into<Secret>) -> Self {
        Self { username: username.into(), password: password.into() }
    }

    /// The user name as it was typed.
    pub fn username(&self) -> &str {
        &self.username
    }

    /// The password.
    pub fn password(&self) -> &Secret {
        &self.password
    }
}

impl Credentials for Password {
    const KIND: &'static str = "password";

    fn subject(&self) -> Option<&str> {
        Some(&self.username)
    }

    /// An empty name or password never reaches a backend (RFC 4513 §5.1.2: an LDAP bind with an empty
    /// password succeeds without proving anything), nor does one beyond the bounds above.
    fn check(&self) -> Result<(), DeclineReason> {
        let name_fits = (1..=Self::MAX_USERNAME_LEN).contains(&self.username.len());
        let password_fits = (1..=Self::MAX_PASSWORD_LEN).contains(&self.password.len());
        if name_fits && password_fits { Ok(()) } else { Err(DeclineReason::Malformed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_checked_before_any_work() {
        let long = |n: usize| "p".repeat(n);
        let table = [
            ("empty name", String::new(), long(8), false),
            ("empty password", "alice".into(), String::new(), false),
            ("longest name", long(255), long(8), true),
            ("name too long", long(256), long(8), false),
            ("longest password", "alice".into(), long(4096), true),
            ("password too long", "alice".into(), long(4097), false),
        ];
        for (name, username, password, fits) in table {
            assert_eq!(Password::new(username, password).check().is_ok(), fits, "{name}");
        }
    }
}
