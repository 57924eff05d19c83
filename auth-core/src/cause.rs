//! What lies behind an error: for logs, and for no answer.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// The error that caused another one, if one did; shared by all that fail by it.
///
/// It is no part of what an error says: two are equal whatever caused them.
#[derive(Clone)]
pub(crate) struct Cause(Option<Arc<dyn Error + Send + Sync>>);

impl Cause {
    pub(crate) const NONE: Self = Self(None);

    pub(crate) fn of(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(Some(Arc::from(error.into())))
    }

    /// As [`Error::source`] gives it.
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

/// The texts of an error and of all that lies behind it.
#[cfg(test)]
pub(crate) fn chain(error: &(dyn Error + 'static)) -> Vec<String> {
    std::iter::successors(Some(error), |&error| error.source()).map(ToString::to_string).collect()
}
