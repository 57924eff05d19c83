//! `WWW-Authenticate` challenges (RFC 9110 §11.6.1).

use crate::ConfigError;

/// One challenge: a scheme with its parameters. Built by parts, so that no text can break out of its quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    text: String,
    parameters: usize,
}

impl Challenge {
    /// A challenge without parameters.
    pub fn new(scheme: &'static str) -> Self {
        Self { text: scheme.into(), parameters: 0 }
    }

    /// Adds a parameter as a quoted string.
    ///
    /// # Errors
    /// [`ConfigError`] if the value has anything but visible ASCII and blanks.
    pub fn with(mut self, name: &'static str, value: &str) -> Result<Self, ConfigError> {
        if !value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
            return Err(ConfigError::new(format!(
                "the {name} of a challenge must be visible ASCII: {value:?}"
            )));
        }
        self.text.push_str(if self.parameters == 0 { " " } else { ", " });
        self.parameters += 1;
        let escaped = value.replace('\\', "\\\\").replace('"', "\\\"");
        self.text.extend([name, "=\"", &escaped, "\""]);
        Ok(self)
    }

    /// The header's value.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_break_out() {
        let challenge = Challenge::new("Basic").with("realm", r#"a "b\", x=1"#).unwrap();
        let challenge = challenge.with("charset", "UTF-8").unwrap();
        assert_eq!(challenge.as_str(), r#"Basic realm="a \"b\\\", x=1", charset="UTF-8""#);
        for bad in ["a\r\nX: y", "tab\t", "nul\0", "é"] {
            assert!(Challenge::new("Basic").with("realm", bad).is_err(), "{bad:?}");
        }
    }
}
