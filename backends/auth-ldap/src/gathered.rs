//! What comes in several answers, up to a bound.

use crate::error::Failure;
use crate::reader::Bounds;

/// The most of it, in bytes: a directory may make each as long as an answer.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// Names or values that were gathered so far. Beyond the bound there is no result: some are not all.
pub(crate) struct Gathered<T> {
    items: Vec<T>,
    bytes: usize,
    bounds: Bounds,
}

impl<T: AsRef<[u8]>> Gathered<T> {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self { items: Vec::new(), bytes: 0, bounds }
    }

    /// Adds those of another answer.
    ///
    /// # Errors
    /// [`Failure`] if they are too many by now, or too long.
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
