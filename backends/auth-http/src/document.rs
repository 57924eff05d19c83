//! [`Document`]: what lies at an address.

use std::fmt;

use auth_core::backend::BackendError;

use crate::client::Client;
use crate::error::unexpected;

/// A JSON document at a fixed address, made by [`Endpoint::document`](crate::Endpoint::document): with the bounds of its
/// endpoint, and without redirects.
pub struct Document(Client);

impl Document {
    pub(crate) fn new(client: Client) -> Self {
        Self(client)
    }

    /// Fetches it: the bytes of a 200 that says that it is JSON. Whether it is, is not looked at.
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
