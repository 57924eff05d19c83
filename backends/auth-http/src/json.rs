//! Answers as JSON.

use auth_core::backend::BackendError;
use auth_json::Unread;
use serde_json::Value;

use crate::error::invalid;

/// Reads an unambiguous object.
pub(crate) fn object(text: &[u8]) -> Result<Value, BackendError> {
    auth_json::object(text).map(Value::Object).map_err(|why| {
        invalid(match why {
            Unread::NoObject => "the answer is not a JSON object",
            _ => "the answer is not valid JSON",
        })
    })
}
