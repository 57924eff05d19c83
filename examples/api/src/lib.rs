//! What both servers of this example share: who may call, the command line, and what is sent and answered.
//!
//! A browser comes with a session, a script with an API key, a service with a token that the company's identity provider signed.
//! All of them call the same routes, which ask for a scope and do not care by which way somebody came.

mod callers;
mod options;

use auth_core::api_keys::{CreatedApiKey, InvalidApiKey, NewApiKey};
use auth_core::grant::{InvalidScopes, Scopes};
use auth_core::{BackendName, Password, Secret};
use auth_sql::SqlUser;
use serde::{Deserialize, Serialize};

pub use callers::{Callers, Keys, READ, WRITE, callers};
pub use options::Options;

/// What `POST /login` takes.
#[derive(Debug, Deserialize)]
pub struct Login {
    username: String,
    password: Secret,
}

impl From<Login> for Password {
    fn from(login: Login) -> Self {
        Self::new(login.username, login.password)
    }
}

/// What `POST /keys` takes. Whose key it becomes is no business of the body.
#[derive(Debug, Deserialize)]
pub struct Wanted {
    name: String,
    #[serde(default)]
    scopes: String,
}

impl Wanted {
    /// The key that is wanted.
    ///
    /// # Errors
    /// What is wrong with the name or the scopes: 400.
    pub fn to_key(&self) -> Result<NewApiKey, String> {
        let scopes = Scopes::parse(&self.scopes).map_err(|error: InvalidScopes| error.to_string())?;
        let key = NewApiKey::new(self.name.as_str()).map_err(|error: InvalidApiKey| error.to_string())?;
        Ok(key.scopes(scopes))
    }
}

/// What `POST /keys` answers, this once.
#[derive(Debug, Serialize)]
pub struct Made {
    id: String,
    key: String,
}

impl From<CreatedApiKey> for Made {
    fn from(created: CreatedApiKey) -> Self {
        Self { id: created.stored().id.to_string(), key: created.key().expose().to_owned() }
    }
}

/// What the orders' routes answer.
#[derive(Debug, Serialize)]
pub struct Answer {
    done: &'static str,
    caller: String,
    by: String,
}

impl Answer {
    /// What was done, for whom, and which backend vouched for them.
    pub fn new(done: &'static str, caller: &SqlUser, by: Option<BackendName>) -> Self {
        let by = by.map(|name| name.to_string()).unwrap_or_default();
        Self { done, caller: caller.username().to_owned(), by }
    }
}
