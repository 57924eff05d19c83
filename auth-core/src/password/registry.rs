//! The accepted formats, and equal work over all of them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use super::algorithm::{Algorithm, Limits, Recipe};
use super::format::{Format, SALT_LEN};
use super::pool::Buffer;
use super::stored::StoredHash;
use super::{SAMPLE, Stored, Verdict, slow};

/// The formats of new and stored hashes.
pub(super) struct Registry {
    /// The preferred one comes first.
    formats: Vec<Format>,
    /// The work of a failed attempt.
    shares: Vec<Share>,
    limits: Limits,
    upgrade: bool,
    is_warned: AtomicBool,
}

/// An accepted algorithm, at the highest costs that were named for it: every failed attempt computes one hash of it.
struct Share {
    recipe: Recipe,
    computed: AtomicU64,
}

/// What an attempt has computed with one algorithm.
#[derive(Clone, Copy)]
pub(crate) struct Done {
    class: &'static str,
    work: u64,
}

fn shares(formats: &[Format]) -> Vec<Share> {
    let mut highest = BTreeMap::<_, Recipe>::new();
    for Format { recipe, .. } in formats {
        let of_class = highest.entry(recipe.algorithm().class()).or_insert(*recipe);
        *of_class = of_class.highest(*recipe);
    }
    highest.into_values().map(|recipe| Share { recipe, computed: AtomicU64::new(0) }).collect()
}

impl Registry {
    pub(super) fn new(preferred: Format, accepted: &[Format], limits: Limits, upgrade: bool) -> Self {
        let formats = [&[preferred], accepted].concat();
        Self { shares: shares(&formats), formats, limits, upgrade, is_warned: AtomicBool::new(false) }
    }

    pub(super) fn preferred(&self) -> Format {
        self.formats[0]
    }

    /// How many blocks of memory each thread should own: what a failed attempt needs.
    pub(super) fn blocks(&self) -> usize {
        self.shares.iter().map(|share| share.recipe.algorithm().blocks()).max().unwrap_or_default()
    }

    /// Reads a stored value, for a certain password.
    pub(super) fn read(&self, stored: &str, password: &[u8]) -> Stored {
        if stored.is_empty() || stored.starts_with('!') {
            return Stored::Unusable;
        }
        match self.parse(stored) {
            Err(why) => Stored::Refused(why),
            Ok(hash) if !hash.format.recipe.algorithm().takes(password) => Stored::Unusable,
            Ok(hash) => Stored::Hash(hash),
        }
    }

    /// Parses a stored hash, or says why it is not computed. The costs are compared with the limits before anything
    /// is computed or allocated: the table may be under an attacker's control (`m=4294967295` would abort the
    /// process).
    pub(super) fn parse(&self, stored: &str) -> Result<StoredHash, &'static str> {
        let hash = StoredHash::parse(stored).ok_or("it cannot be read")?;
        if !self.formats.iter().any(|format| format.is_like(&hash.format)) {
            Err("its format is not accepted")
        } else if !hash.format.recipe.algorithm().is_within(&self.limits) {
            Err("its costs are beyond the limits")
        } else {
            Ok(hash)
        }
    }

    /// What comparing with a hash computes.
    pub(super) fn done(stored: &StoredHash, password: &[u8]) -> Done {
        let algorithm = stored.format.recipe.algorithm();
        Done { class: algorithm.class(), work: algorithm.work(password.len()) }
    }

    /// Computes one hash, and if it does not match and this is the attempt's whole work, all that is missing: a
    /// quicker "no" must not reveal anybody.
    pub(super) fn compare(
        &self,
        stored: &StoredHash,
        password: &[u8],
        is_whole: bool,
        buffer: &mut Buffer,
    ) -> Verdict {
        let (recipe, done) = (stored.format.recipe, Self::done(stored, password));
        self.warn_of(&recipe, done);
        let matches =
            |algorithm: &dyn Algorithm| algorithm.matches(password, &stored.salt, &stored.hash, buffer);
        if self.counted(recipe, password, matches) {
            return Verdict::Match { outdated: self.is_outdated(stored, password) };
        }
        if is_whole {
            self.waste(Some(done), password, buffer);
        }
        Verdict::Mismatch
    }

    /// If a hash costs more than other failed attempts do, the time reveals its owner.
    fn warn_of(&self, recipe: &Recipe, done: Done) {
        let named = self.share(done.class).map_or(0, |share| share.recipe.algorithm().units());
        if recipe.algorithm().units() > named && !self.is_warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                target: "auth",
                "a stored password hash costs more than any that was named to PasswordsBuilder::accept, \
                 so the time of a failed login tells whose it is; name its costs: {recipe:?}"
            );
        }
    }

    fn share(&self, class: &str) -> Option<&Share> {
        self.shares.iter().find(|share| share.recipe.algorithm().class() == class)
    }

    fn is_outdated(&self, stored: &StoredHash, password: &[u8]) -> bool {
        let (old, new) = (stored.format.recipe, self.preferred().recipe);
        let (old, new) = (old.algorithm(), new.algorithm());
        self.upgrade && new.takes(password) && (!self.is_preferred(stored) || is_weaker(old, new))
    }

    fn is_preferred(&self, stored: &StoredHash) -> bool {
        let preferred = self.preferred();
        let algorithm = preferred.recipe.algorithm();
        preferred.is_like(&stored.format)
            && stored.salt.len() >= algorithm.salt(preferred.django, &[0; SALT_LEN]).len()
            && stored.hash.len() >= algorithm.hash_len()
    }

    /// A new hash in the preferred format; `None` only for invalid costs.
    pub(super) fn hash(
        &self,
        password: &[u8],
        random: &[u8; SALT_LEN],
        buffer: &mut Buffer,
    ) -> Option<String> {
        let format = self.preferred();
        self.counted(format.recipe, password, |algorithm| {
            let (salt, mut hash) = (algorithm.salt(format.django, random), vec![0; algorithm.hash_len()]);
            let is_done = algorithm.compute(password, &salt, &mut hash, buffer);
            algorithm.encode(format.django, &salt, &hash).filter(|_| is_done)
        })
    }

    /// Whether an attempt with this work has nothing left to compute.
    pub(super) fn is_all(&self, done: Done, password: &[u8]) -> bool {
        self.shares.iter().all(|Share { recipe, .. }| {
            let algorithm = recipe.algorithm();
            algorithm.class() == done.class && algorithm.work(password.len()) <= done.work
        })
    }

    /// Computes what a failed attempt lacks: a hash of each algorithm, and for one that was computed at lower costs
    /// the difference.
    pub(super) fn waste(&self, done: Option<Done>, password: &[u8], buffer: &mut Buffer) {
        for Share { recipe, .. } in &self.shares {
            let algorithm = recipe.algorithm();
            let password = if algorithm.takes(password) { password } else { SAMPLE.as_bytes() };
            match done.filter(|done| done.class == algorithm.class()) {
                None => self.decoy(*recipe, password, buffer),
                Some(done) => self.top_up(*recipe, done.work, password, buffer),
            }
        }
    }

    fn top_up(&self, recipe: Recipe, done: u64, password: &[u8], buffer: &mut Buffer) {
        let mut missing = recipe.algorithm().work(password.len()).saturating_sub(done);
        while let Some(part) = recipe.algorithm().part(missing, password.len()) {
            self.decoy(part, password, buffer);
            missing = missing.saturating_sub(part.algorithm().work(password.len()));
        }
    }

    /// Computes one hash without a use for it.
    fn decoy(&self, recipe: Recipe, password: &[u8], buffer: &mut Buffer) {
        self.counted(recipe, password, |algorithm| {
            let mut computed = vec![0; algorithm.hash_len()];
            algorithm.compute(password, &[0; SALT_LEN], &mut computed, buffer);
            std::hint::black_box(computed);
        });
    }

    /// Every computation passes here.
    fn counted<T>(&self, recipe: Recipe, password: &[u8], compute: impl FnOnce(&dyn Algorithm) -> T) -> T {
        let algorithm = recipe.algorithm();
        let work = algorithm.work(password.len());
        if let Some(share) = self.share(algorithm.class()) {
            share.computed.fetch_add(work, Ordering::Relaxed);
        }
        let start = cfg!(debug_assertions).then(Instant::now);
        let computed = compute(algorithm);
        if let Some(start) = start {
            slow::look(algorithm, work, start.elapsed());
        }
        computed
    }

    /// What was computed so far, for each algorithm in its unit.
    pub(super) fn computed(&self) -> BTreeMap<&'static str, u64> {
        let of = |share: &Share| (share.recipe.algorithm().class(), share.computed.load(Ordering::Relaxed));
        self.shares.iter().map(of).collect()
    }
}

fn is_weaker(old: &dyn Algorithm, new: &dyn Algorithm) -> bool {
    !old.is_current() || old.units() < new.units()
}
