//! [`Failure`]: why a command failed, as text and exit code.

use std::error::Error;
use std::fmt;
use std::io;
use std::process::ExitCode;

use auth_core::backend::{BackendError, BackendErrorKind};
use auth_core::session::StoreError;
use auth_sql::{UserError, UserErrorKind};

/// The meaning of the exit codes, for `--help`.
///
/// ```
/// #[derive(clap::Parser)]
/// #[command(after_help = auth_admin::EXIT_CODES)]
/// enum Shop {
///     /// Serve the shop
///     Serve,
///     #[command(flatten)]
///     Admin(auth_admin::Command),
/// }
/// ```
pub const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    refused, or there is no such user or session: nothing was changed, unless the message says so
  2    the command line is not complete or not understood; of `plan-users`, with its numbers in the last line of the
       output: something would change
  75   the database, the session store or the directory cannot do it now: try again later
  130  interrupted";

/// Why a command failed.
#[derive(Debug)]
pub(crate) enum Failure {
    Refused(String),
    Usage(String),
    Outage(String),
    Interrupted,
}

impl Failure {
    pub(crate) fn refused(text: impl Into<String>) -> Self {
        Self::Refused(text.into())
    }

    /// The same failure, after something was done.
    pub(crate) fn after(self, done: &str) -> Self {
        match self {
            Self::Refused(text) => Self::Refused(format!("{done}, but {text}")),
            Self::Usage(text) => Self::Usage(format!("{done}, but {text}")),
            Self::Outage(text) => Self::Outage(format!("{done}, but {text}")),
            Self::Interrupted => self,
        }
    }

    pub(crate) fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Refused(_) => 1,
            Self::Usage(_) => 2,
            Self::Outage(_) => 75,
            Self::Interrupted => 130,
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(text) | Self::Usage(text) | Self::Outage(text) => f.write_str(text),
            Self::Interrupted => f.write_str("interrupted"),
        }
    }
}

impl From<UserError> for Failure {
    fn from(error: UserError) -> Self {
        match error.kind() {
            UserErrorKind::Unavailable => Self::Outage(with_sources(&error)),
            _ => Self::Refused(with_sources(&error)),
        }
    }
}

impl From<BackendError> for Failure {
    fn from(error: BackendError) -> Self {
        match error.kind() {
            // Trying again later would not help.
            BackendErrorKind::Undecided => Self::Refused(with_sources(&error)),
            _ => Self::Outage(with_sources(&error)),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Outage(with_sources(&error))
    }
}

/// Errors of input and output.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::Interrupted => Self::Interrupted,
            _ => Self::Refused(error.to_string()),
        }
    }
}

/// An error with its sources. None of them contains a secret.
pub(crate) fn with_sources(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}
