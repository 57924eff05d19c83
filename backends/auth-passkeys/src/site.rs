//! [`Site`]: what passkeys are bound to, checked before the first one exists.

use auth_core::ConfigError;
use url::{Host, Origin, Url};

/// The relying party: the domain that passkeys are for, and the origins whose pages may ask for them.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) id: String,
    pub(crate) origins: Vec<Url>,
    /// The same, as browsers write them.
    names: Vec<String>,
}

impl Site {
    pub(crate) fn new<T: AsRef<str>>(
        id: &str,
        origins: impl IntoIterator<Item = T>,
    ) -> Result<Self, ConfigError> {
        check_id(id)?;
        let origins = origins.into_iter().map(|text| origin(text.as_ref(), id));
        let origins = origins.collect::<Result<Vec<_>, _>>()?;
        if origins.is_empty() {
            return Err(ConfigError::new(format!(
                "passkeys need the origins of the pages that ask for them, such as \"https://{id}\""
            )));
        }
        let names = origins.iter().map(|origin| origin.origin().ascii_serialization()).collect();
        Ok(Self { id: id.into(), origins, names })
    }

    /// Whether this origin is one of the site's, byte for byte: similar ones do not count.
    pub(crate) fn has_origin(&self, name: &str) -> bool {
        self.names.iter().any(|own| own == name)
    }
}

/// A domain as a browser writes it. Browsers accept no addresses, and no names without a dot except `localhost`.
fn check_id(id: &str) -> Result<(), ConfigError> {
    let is_domain = matches!(Host::parse(id), Ok(Host::Domain(domain)) if domain == id);
    if is_domain && !id.ends_with('.') && (id.contains('.') || id == "localhost") {
        return Ok(());
    }
    Err(ConfigError::new(format!(
        "{id:?} cannot be the RP id of passkeys: use the domain of the site, in lower case and without scheme or port, such \
         as \"example.com\"; or \"localhost\""
    )))
}

fn origin(text: &str, id: &str) -> Result<Url, ConfigError> {
    let refused =
        |why: &str| Err(ConfigError::new(format!("the origin {text:?} cannot use passkeys: {why}")));
    let Ok(url) = Url::parse(text) else {
        return refused(&format!("give scheme and host, such as \"https://{id}\""));
    };
    let Origin::Tuple(scheme, Host::Domain(host), _) = url.origin() else {
        return refused("its host must be a domain: browsers have no passkeys for addresses");
    };
    if url.origin().ascii_serialization() != text {
        return refused(&format!(
            "give scheme, host and port alone, as browsers write them: {:?}",
            url.origin().ascii_serialization()
        ));
    }
    if scheme != "https" && !(scheme == "http" && host == "localhost") {
        return refused("serve it by https; only http://localhost does without");
    }
    // The dot matters: evil-example.com ends with example.com.
    if host != id && !host.strip_suffix(id).is_some_and(|front| front.ends_with('.')) {
        return refused(&format!("its host must be the RP id {id:?}, or a subdomain of it"));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(id: &str, origins: &[&str]) -> Option<String> {
        Site::new(id, origins).err().map(|error| error.to_string())
    }

    #[test]
    fn a_site_is_its_domain_and_those_below() {
        for (id, origins) in [
            ("example.com", &["https://example.com"][..]),
            (
                "example.com",
                &["https://example.com", "https://www.example.com", "https://a.b.example.com:8443"],
            ),
            ("xn--bcher-kva.example", &["https://xn--bcher-kva.example"]),
            ("localhost", &["http://localhost:3000", "http://localhost"]),
        ] {
            assert_eq!(why(id, origins), None, "{id} {origins:?}");
        }
    }

    #[test]
    fn what_is_no_domain_is_no_id() {
        for id in [
            "",
            "com",
            "Example.com",
            "https://example.com",
            "example.com:443",
            "example.com/",
            "example.com.",
            "127.0.0.1",
            "[::1]",
            "bücher.example",
            "ex ample.com",
        ] {
            let why = why(id, &["https://example.com"]).expect(id);
            assert!(why.contains("use the domain of the site"), "{id}: {why}");
        }
        assert!(why("example.com", &[]).unwrap().contains("\"https://example.com\""));
    }

    /// CWE-290: a domain that merely ends with the RP id is somebody else's.
    #[test]
    fn a_domain_that_ends_alike_is_another() {
        for origin in [
            "https://evil-example.com",
            "https://example.com.evil.org",
            "https://evilexample.com",
            "https://com",
            "https://other.org",
        ] {
            let why = why("example.com", &[origin]).expect(origin);
            assert!(why.contains("a subdomain of it"), "{origin}: {why}");
        }
        assert!(why("www.example.com", &["https://example.com"]).is_some(), "nor is the domain above");
    }

    #[test]
    fn origins_are_secure_and_bare() {
        for (origin, fix) in [
            ("http://example.com", "by https"),
            ("https://example.com/", "as browsers write them: \"https://example.com\""),
            ("https://example.com/login", "alone"),
            ("https://EXAMPLE.com", "alone"),
            ("https://example.com:443", "alone"),
            ("https://alice@example.com", "alone"),
            ("example.com", "give scheme and host"),
            ("https://127.0.0.1", "addresses"),
            ("android:apk-key-hash:x", "a domain"),
            ("null", "give scheme and host"),
        ] {
            let why = why("example.com", &[origin]).expect(origin);
            assert!(why.contains(fix), "{origin}: {why}");
        }
    }

    #[test]
    fn origins_are_compared_byte_for_byte() {
        let site = Site::new("example.com", ["https://example.com", "https://www.example.com:8443"]).unwrap();
        assert!(site.has_origin("https://example.com") && site.has_origin("https://www.example.com:8443"));
        for other in [
            "https://evil-example.com",
            "https://www.example.com",
            "https://shop.example.com",
            "https://example.com/",
            "https://example.com:443",
            "https://EXAMPLE.com",
            "http://example.com",
            "null",
            "",
        ] {
            assert!(!site.has_origin(other), "{other}");
        }
    }
}
