//! Results that arrive in several answers, up to a limit.

use crate::error::Failure;
use crate::reader::Bounds;

/// The limit in bytes: a directory may make each value as long as an answer.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// The names or values so far. Beyond the limit there is no result, because a part would pass for all of them.
pub(crate) struct Gathered<T> {
    items: Vec<T>,
    bytes: usize,
    bounds: Bounds,
}

impl<T: AsRef<[u8]>> Gathered<T> {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self { items: Vec::new(), bytes: 0, bounds }
    }

    /// Adds the values of another answer.
    ///
    /// # Errors
    /// [`Failure`] if there are too many, or they are too long.
    pub(crate) fn extend(&mut self, more: impl IntoIterator<Item = T>) -> Result<(), Failure> {
        let before = self.items.len();
        self.items.extend(more);
        self.bytes += self.items[before..].iter().map(|item| item.as_ref().len()).sum::<usize>();
        if self.bytes > MAX_BYTES {
            return Err(Failure::limit(format!(
                "the groups or values of a user have more than {MAX_BYTES} bytes"
            )));
        }
        self.bounds.check(self.items.len())
    }

    pub(crate) fn all(self) -> Vec<T> {
        self.items
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_the_bound_is_nothing() {
        let bounds = Bounds { page: 1, most: 3 };
        let mut few = Gathered::new(bounds);
        few.extend(["a", "b"]).unwrap();
        few.extend(["c"]).unwrap();
        assert!(few.extend(["d"]).unwrap_err().is_limit());
        let mut long = Gathered::new(bounds);
        long.extend([vec![0; MAX_BYTES]]).unwrap();
        assert!(long.extend([vec![0]]).unwrap_err().is_limit());
    }
}
