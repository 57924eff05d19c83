//! The cookies of many live sessions, and a random one of them.

/// Cookies of one length, in memory that is touched before anything is measured.
pub(crate) struct Cookies {
    text: Vec<u8>,
    width: usize,
    len: usize,
}

impl Cookies {
    /// Room for `max` cookies as long as this one, which is the first.
    pub(crate) fn new(first: &str, max: usize) -> Self {
        let mut cookies = Self { text: vec![b'?'; first.len() * max], width: first.len(), len: 0 };
        cookies.push(first);
        cookies
    }

    /// Keeps another one.
    pub(crate) fn push(&mut self, cookie: &str) {
        let at = self.len * self.width;
        self.text[at..at + self.width].copy_from_slice(cookie.as_bytes());
        self.len += 1;
    }

    /// A random one.
    pub(crate) fn draw(&self, dice: &mut Dice) -> &str {
        let at = dice.below(self.len) * self.width;
        std::str::from_utf8(&self.text[at..at + self.width]).expect("pushed as text")
    }
}

/// Quick random numbers that are the same in every run (`SplitMix64`).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// Less than `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        let scaled = (u128::from(mixed) * bound as u128) >> 64;
        usize::try_from(scaled).expect("below a usize")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cookie_is_drawn() {
        let mut cookies = Cookies::new("a=0", 4);
        for cookie in ["a=1", "a=2", "a=3"] {
            cookies.push(cookie);
        }
        let mut dice = Dice(1);
        let drawn: std::collections::BTreeSet<String> =
            (0..100).map(|_| cookies.draw(&mut dice).to_owned()).collect();
        assert_eq!(drawn.into_iter().collect::<Vec<_>>(), ["a=0", "a=1", "a=2", "a=3"]);
    }
}
