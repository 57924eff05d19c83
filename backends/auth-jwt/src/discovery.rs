//! An issuer's metadata (`OpenID` Connect Discovery 1.0).

use auth_core::ConfigError;
use auth_http::Endpoint;
use serde::Deserialize;

/// The longest document that is read.
const MAX_LEN: usize = 256 * 1024;

/// The part of it that is used. A repeated name is an error.
#[derive(Deserialize)]
struct Provider {
    issuer: String,
    jwks_uri: String,
}

/// Where an issuer's document is (§4.1).
pub(crate) fn address(issuer: &str) -> String {
    format!("{}/.well-known/openid-configuration", issuer.strip_suffix('/').unwrap_or(issuer))
}

/// The endpoint of the issuer's keys. §4.3: the document must name the same issuer, byte for byte, or any server
/// could speak for any other.
pub(crate) async fn keys_of(issuer: &str, endpoint: Endpoint) -> Result<Endpoint, ConfigError> {
    let refused = |why: &str| ConfigError::new(format!("the discovery document of {issuer} {why}"));
    let document = endpoint.clone().max_answer_len(MAX_LEN).document()?;
    let text = document.fetch().await.map_err(|error| refused(&crate::keys::describe(&error)))?;
    let provider: Provider = serde_json::from_slice(&text)
        .map_err(|_| refused("is not a JSON object with texts for `issuer` and `jwks_uri`"))?;
    if provider.issuer != issuer {
        return Err(refused("names another issuer"));
    }
    Ok(endpoint.at(provider.jwks_uri))
}

#[cfg(test)]
mod tests {
    #[test]
    fn one_slash_is_enough() {
        for issuer in ["https://id.example/a", "https://id.example/a/"] {
            assert_eq!(super::address(issuer), "https://id.example/a/.well-known/openid-configuration");
        }
    }
}
