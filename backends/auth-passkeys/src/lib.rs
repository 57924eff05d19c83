//! Passkeys.

mod assertion;
mod base64url;
mod error;
mod kept;
mod options;
mod passkeys;
mod registration;
mod response;
mod site;
mod state;
mod users;
mod verify;

pub use assertion::PasskeyAssertion;
pub use error::{PasskeyError, PasskeyErrorKind};
pub use options::UserVerification;
pub use passkeys::{Begun, Passkeys};
