//! The cause of an error: for logs, and never for responses.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// The error that caused another one, if there is one; shared by all failures that it causes.
///
/// It is not part of an error's identity: two errors are equal whatever caused them.
#[derive(Clone)]
pub(crate) struct Cause(Option<Arc<dyn Error + Send + Sync>>);

impl Cause {
    pub(crate) const NONE: Self = Self(None);

    pub(crate) fn of(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(Some(Arc::from(error.into())))
    }

    /// For [`Error::source`].
    pub(crate) fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.as_deref().map(|error| error as &(dyn Error + 'static))
    }
}

impl PartialEq for Cause {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Cause {}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The texts of an error and its sources.
#[cfg(test)]
pub(crate) fn chain(error: &(dyn Error + 'static)) -> Vec<String> {
    std::iter::successors(Some(error), |&error| error.source()).map(ToString::to_string).collect()
}
