//! The formats in use, and equal work over all of them.

use std::collections::BTreeMap;
use std::time::Instant;

use super::algorithm::{Algorithm, Limits, Recipe};
use super::format::{Format, SALT_LEN};
use super::pool::Buffer;
use super::stored::StoredHash;
use super::{Stored, Verdict};

/// The formats that are made and read, and how fast each is here.
pub(super) struct Registry {
    /// The preferred one first.
    formats: Vec<Rated>,
    limits: Limits,
    upgrade: bool,
}

#[derive(Clone, Copy)]
struct Rated {
    format: Format,
    /// Picoseconds for one unit of work; 1 if there is nothing to compare with.
    unit: u64,
}

impl Rated {
    /// Picoseconds for a hash of these costs.
    fn work(&self, recipe: Recipe, password_len: usize) -> u64 {
        self.unit.saturating_mul(recipe.algorithm().units(password_len))
    }
}

/// Measures how fast the algorithms are here, unless there is only one. The samples take about as long as each
/// other, in turns, and the shortest counts: so whatever else keeps the machine busy, they compare.
fn rate(formats: Vec<Format>) -> Vec<Rated> {
    let name = |format: &Format| format.recipe.algorithm().name();
    let algorithms: BTreeMap<_, _> = formats.iter().map(|format| (name(format), format.recipe)).collect();
    let mut fastest = BTreeMap::new();
    if algorithms.len() > 1 {
        for (name, recipe) in (0..3).flat_map(|_| &algorithms) {
            let unit = sample(*recipe);
            fastest.entry(*name).and_modify(|best: &mut u64| *best = unit.min(*best)).or_insert(unit);
        }
    }
    let rated = |format| Rated { unit: fastest.get(name(&format)).copied().unwrap_or(1), format };
    formats.into_iter().map(rated).collect()
}

/// Picoseconds for one unit of work.
fn sample(recipe: Recipe) -> u64 {
    let mut buffer = Buffer::new(recipe.algorithm().blocks());
    let (start, mut units) = (Instant::now(), 0);
    for part in parts(recipe, recipe.algorithm().sample_units()) {
        waste(part, SAMPLE_PASSWORD, &mut buffer);
        units += part.algorithm().units(SAMPLE_PASSWORD.len());
    }
    let picos = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX).saturating_mul(1_000);
    (picos / units.max(1)).max(1)
}

const SAMPLE_PASSWORD: &[u8] = b"password";

/// One hash for nothing.
fn waste(recipe: Recipe, password: &[u8], buffer: &mut Buffer) {
    let algorithm = recipe.algorithm();
    let password = if algorithm.takes(password) { password } else { SAMPLE_PASSWORD };
    let mut computed = vec![0; algorithm.hash_len()];
    algorithm.compute(password, &[0; SALT_LEN], &mut computed, buffer);
    std::hint::black_box(computed);
}

impl Registry {
    pub(super) fn new(preferred: Format, accepted: &[Format], limits: Limits, upgrade: bool) -> Self {
        let formats = rate([&[preferred], accepted].concat());
        Self { formats, limits, upgrade }
    }

    pub(super) fn preferred(&self) -> Format {
        self.formats[0].format
    }

    /// How many blocks of memory each thread should own: what a new hash needs.
    pub(super) fn blocks(&self) -> usize {
        self.preferred().recipe.algorithm().blocks()
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

    /// Reads a stored hash, or says why it is not computed. Costs are compared with the limits before anything is computed or allocated: the
    /// table they come from may be in the wrong hands (`m=4294967295` would abort the process).
    pub(super) fn parse(&self, stored: &str) -> Result<StoredHash, &'static str> {
        let hash = StoredHash::parse(stored).ok_or("it cannot be read")?;
        if self.rated(&hash.format).is_none() {
            Err("its format is not accepted")
        } else if !hash.format.recipe.algorithm().is_within(&self.limits) {
            Err("its costs are beyond the limits")
        } else {
            Ok(hash)
        }
    }

    fn rated(&self, format: &Format) -> Option<&Rated> {
        self.formats.iter().find(|rated| rated.format.is_like(format))
    }

    /// One hash, and for a wrong password the work that a cheaper hash saved: its owner must not be told from
    /// others by a quicker "no".
    pub(super) fn compare(&self, stored: &StoredHash, password: &[u8], buffer: &mut Buffer) -> Verdict {
        let recipe = stored.format.recipe;
        if recipe.algorithm().matches(password, &stored.salt, &stored.hash, buffer) {
            return Verdict::Match { outdated: self.is_outdated(stored, password) };
        }
        self.burn(self.work_of(&stored.format, password.len()), password, buffer);
        Verdict::Mismatch
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

    /// A new hash of the preferred format; `None` only for costs that are not valid.
    pub(super) fn hash(
        &self,
        password: &[u8],
        random: &[u8; SALT_LEN],
        buffer: &mut Buffer,
    ) -> Option<String> {
        let format = self.preferred();
        let algorithm = format.recipe.algorithm();
        let (salt, mut computed) = (algorithm.salt(format.django, random), vec![0; algorithm.hash_len()]);
        let is_done = algorithm.compute(password, &salt, &mut computed, buffer);
        algorithm.encode(format.django, &salt, &computed).filter(|_| is_done)
    }

    /// The work of one failed attempt, for nothing.
    pub(super) fn waste(&self, password: &[u8], buffer: &mut Buffer) {
        self.burn(0, password, buffer);
    }

    /// Does what a failed attempt lacks of its work.
    fn burn(&self, done: u64, password: &[u8], buffer: &mut Buffer) {
        for part in self.missing(done, password.len()) {
            waste(part, password, buffer);
        }
    }

    /// Hashes of the preferred format that make up for what is missing.
    pub(super) fn missing(&self, done: u64, password_len: usize) -> impl Iterator<Item = Recipe> + use<> {
        let Rated { format, unit } = self.formats[0];
        parts(format.recipe, self.work(password_len).saturating_sub(done) / unit)
    }

    /// Picoseconds that a failed attempt takes: those of the costliest format.
    pub(super) fn work(&self, password_len: usize) -> u64 {
        let formats = self.formats.iter();
        formats.map(|rated| rated.work(rated.format.recipe, password_len)).max().unwrap_or_default()
    }

    /// Picoseconds for a hash of an accepted format, at the costs given.
    pub(super) fn work_of(&self, format: &Format, password_len: usize) -> u64 {
        self.rated(format).map_or(0, |rated| rated.work(format.recipe, password_len))
    }
}

fn is_weaker(old: &dyn Algorithm, new: &dyn Algorithm) -> bool {
    !old.is_current() || old.units(0) < new.units(0)
}

/// Hashes of one algorithm that are together so much work, but for less than the smallest of them.
fn parts(recipe: Recipe, mut units: u64) -> impl Iterator<Item = Recipe> {
    std::iter::from_fn(move || {
        let part = recipe.algorithm().part(units)?;
        units -= part.algorithm().units(0);
        Some(part)
    })
}
