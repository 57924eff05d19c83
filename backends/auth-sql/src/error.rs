//! What the database answered, without secrets.

mod remedy;

use std::error::Error;
use std::fmt;

use auth_core::backend::BackendError;
use auth_core::session::StoreError;
use sqlx::SqlStr;
use sqlx::error::DatabaseError;

/// A failure of the database: its code and message, or a fixed text. Unlike a driver's errors it never contains an
/// address, a file name or a value, so it can be logged.
#[derive(Debug)]
pub(crate) struct DbError {
    kind: DbErrorKind,
    text: Box<str>,
    /// The object on which a permission is missing.
    forbidden: Option<Box<str>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DbErrorKind {
    /// A unique column already has the value.
    Taken,
    /// The database rolled the statement back in favour of others (deadlock, serialization): it may be tried again.
    Undone,
    /// The answer is not what the query asks for.
    Unreadable,
    /// The database does not accept these values: they are too long, do not fit its character set, or violate a
    /// constraint or a trigger. Other values are not affected.
    Refused,
    /// The table lacks a column: usually an earlier version created it.
    Lacking,
    /// The database gave the statement up, or the connection broke: the statement itself may be the reason.
    Doubtful,
    /// Anything else: the database cannot do it now.
    Unavailable,
}

impl DbError {
    pub(crate) fn unreadable(text: &str) -> Self {
        Self { kind: DbErrorKind::Unreadable, text: text.into(), forbidden: None }
    }

    /// The statements of several clients meet on one connection.
    #[cfg(feature = "postgres")]
    pub(crate) fn mixed_up() -> Self {
        Self { kind: DbErrorKind::Unavailable, text: remedy::MIXED_UP.into(), forbidden: None }
    }

    /// Adds what to grant if a missing permission made this statement fail.
    pub(crate) fn in_statement(mut self, sql: &SqlStr) -> Self {
        if let Some(grant) = self.forbidden.take().and_then(|on| remedy::grant(sql.as_str(), &on)) {
            self.text = format!("{}: this program's user needs `{grant}`", self.text).into();
        }
        self
    }

    pub(crate) fn kind(&self) -> DbErrorKind {
        self.kind
    }

    /// Whether a concurrent writer caused this, so that retrying may succeed.
    pub(crate) fn is_retryable(&self) -> bool {
        matches!(self.kind, DbErrorKind::Taken | DbErrorKind::Undone)
    }
}

impl From<sqlx::Error> for DbError {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::Error as E;
        let kind = match &error {
            E::Database(error) if error.is_unique_violation() => DbErrorKind::Taken,
            E::Database(error) if is_undone(&**error) => DbErrorKind::Undone,
            E::Database(error) if is_refused(&**error) => DbErrorKind::Refused,
            E::Database(error) if is_doubtful(&**error) => DbErrorKind::Doubtful,
            E::Database(error) if remedy::lacks_column(&**error) => DbErrorKind::Lacking,
            E::Encode(_) | E::InvalidArgument(_) => DbErrorKind::Refused,
            E::Protocol(_) => DbErrorKind::Doubtful,
            E::ColumnNotFound(_)
            | E::ColumnIndexOutOfBounds { .. }
            | E::ColumnDecode { .. }
            | E::Decode(_) => DbErrorKind::Unreadable,
            _ => DbErrorKind::Unavailable,
        };
        let text = match &error {
            E::Database(error) => remedy::of(&**error).unwrap_or_else(|| describe(&**error)),
            E::Io(error) => error.kind().to_string(),
            E::PoolTimedOut => "no connection became free in time".into(),
            E::PoolClosed => "the pool is closed".into(),
            E::ColumnDecode { index, .. } => format!("column {index} has another type"),
            _ => "the driver failed".into(),
        };
        let forbidden = error.as_database_error().and_then(remedy::forbids);
        Self { kind, text: text.into(), forbidden }
    }
}

/// `MySQL`, too, says 40001 for a deadlock, but not for one about the next number of an `AUTO_INCREMENT` column
/// (1467).
fn is_undone(error: &dyn DatabaseError) -> bool {
    #[cfg(feature = "mysql")]
    if crate::driver::mysql::number(error) == Some(1467) {
        return true;
    }
    matches!(error.code().as_deref(), Some("40001" | "40P01"))
}

/// Whether the database refused values that came with the statement. It goes by the class of the SQLSTATE
/// (`PostgreSQL` appendix A): data exception, integrity constraint violation, WITH CHECK OPTION violation, program
/// limit exceeded, raised by a trigger (P0; 45 at `MySQL`); and by incompatible collations. `SQLite` has numbers
/// instead.
fn is_refused(error: &dyn DatabaseError) -> bool {
    #[cfg(feature = "mysql")]
    if crate::driver::mysql::number(error).is_some_and(crate::driver::mysql::is_refusal) {
        return true;
    }
    let code = error.code().unwrap_or_default();
    #[cfg(feature = "sqlite")]
    if crate::driver::sqlite::is_of(error) {
        return crate::driver::sqlite::is_refusal(&code);
    }
    let classes = ["22", "23", "44", "45", "54", "P0"];
    classes.iter().any(|class| code.starts_with(class)) || matches!(&*code, "42P21" | "42P22")
}

/// Whether the server gave up a statement that took too long (`statement_timeout`), or failed internally (class XX).
fn is_doubtful(error: &dyn DatabaseError) -> bool {
    #[cfg(feature = "mysql")]
    if crate::driver::mysql::number(error).is_some_and(crate::driver::mysql::is_given_up) {
        return true;
    }
    error.code().is_some_and(|code| code == "57014" || code.starts_with("XX"))
}

/// The code, and the message if it quotes no value: messages about data do, and at `MySQL` HY000 may be anything.
fn describe(error: &dyn DatabaseError) -> String {
    let code = error.code().unwrap_or_default();
    #[cfg(feature = "mysql")]
    if let Some(number) = crate::driver::mysql::number(error) {
        return format!("error {number} ({code})");
    }
    if code.starts_with("22") || code.starts_with("23") {
        return format!("error {code}");
    }
    format!("{code}: {}", error.message())
}

impl From<DbError> for StoreError {
    fn from(error: DbError) -> Self {
        Self::unavailable(error)
    }
}

impl From<DbError> for BackendError {
    fn from(error: DbError) -> Self {
        match error.kind {
            DbErrorKind::Unreadable | DbErrorKind::Doubtful => Self::invalid_data(error),
            DbErrorKind::Taken | DbErrorKind::Undone | DbErrorKind::Refused => Self::undecided(error),
            DbErrorKind::Lacking | DbErrorKind::Unavailable => Self::unavailable(error),
        }
    }
}

impl fmt::Display for DbError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for DbError {}

#[cfg(test)]
mod tests {
    use super::*;

    /// RUSTSEC-2024-0358: a driver's error may hold an address with a password.
    #[test]
    fn nothing_of_a_drivers_own_words_is_kept() {
        use sqlx::Error as E;
        let canary = || "postgres://app:canary-7f3a@db/".to_owned();
        let errors = [
            E::Configuration(canary().into()),
            E::InvalidArgument(canary()),
            E::Io(std::io::Error::other(canary())),
            E::Tls(canary().into()),
            E::Protocol(canary()),
            E::TypeNotFound { type_name: canary() },
            E::ColumnNotFound(canary()),
            E::ColumnDecode { index: "3".into(), source: canary().into() },
            E::Encode(canary().into()),
            E::Decode(canary().into()),
            E::PoolTimedOut,
            E::PoolClosed,
            E::WorkerCrashed,
        ];
        for error in errors {
            let what = format!("{error:?}");
            let kept = DbError::from(error);
            assert!(!kept.to_string().is_empty() && kept.source().is_none(), "{what}");
            assert!(!format!("{kept} {kept:?}").contains("canary"), "{what}: {kept:?}");
        }
    }
}
