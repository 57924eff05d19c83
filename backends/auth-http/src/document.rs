//! [`Document`]: a JSON document at a fixed address.

use std::fmt;

use auth_core::backend::BackendError;

use crate::client::Client;
use crate::error::unexpected;

/// A JSON document at a fixed address, made by [`Endpoint::document`](crate::Endpoint::document). The limits of the
/// endpoint apply, and redirects are not followed.
pub struct Document(Client);

impl Document {
    pub(crate) fn new(client: Client) -> Self {
        Self(client)
    }

    /// Fetches the document: the bytes of a 200 whose content type is JSON. The bytes are not parsed.
    ///
    /// ```
    /// use auth_core::backend::BackendError;
    /// use auth_http::Document;
    ///
    /// async fn keys(document: &Document) -> Result<serde_json::Value, BackendError> {
    ///     serde_json::from_slice(&document.fetch().await?).map_err(BackendError::invalid_data)
    /// }
    /// ```
    ///
    /// # Errors
    /// [`BackendError`] for anything else.
    pub async fn fetch(&self) -> Result<Vec<u8>, BackendError> {
        match self.0.get().await? {
            reply if reply.status == 200 => reply.into_json(),
            reply => Err(unexpected(reply.status)),
        }
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document").finish_non_exhaustive()
    }
}
