//! A few proofs, compact for a single one.

use super::{Grant, Proof};
use crate::time::Timestamp;

/// The proofs of an acceptance or a session: nearly always one, which is stored inline.
#[derive(Clone, Debug, Default)]
pub(crate) enum Proofs {
    #[default]
    None,
    One(Proof),
    #[expect(clippy::box_collection, reason = "beside a thin pointer the tag needs no room of its own")]
    More(Box<Vec<Proof>>),
}

impl Proofs {
    pub(crate) fn as_slice(&self) -> &[Proof] {
        match self {
            Self::None => &[],
            Self::One(proof) => std::slice::from_ref(proof),
            Self::More(proofs) => proofs,
        }
    }

    fn as_mut_slice(&mut self) -> &mut [Proof] {
        match self {
            Self::None => &mut [],
            Self::One(proof) => std::slice::from_mut(proof),
            Self::More(proofs) => proofs,
        }
    }

    /// Adds a proof: of each factor the latest counts; beyond [`Grant::MAX_PROOFS`] the oldest is dropped.
    pub(crate) fn add(&mut self, proof: Proof) {
        if let Some(own) = self.as_mut_slice().iter_mut().find(|own| own.factor == proof.factor) {
            own.at = own.at.max(proof.at);
            return;
        }
        match self {
            Self::None => *self = Self::One(proof),
            Self::One(one) => *self = Self::More(Box::new(vec![*one, proof])),
            Self::More(proofs) => {
                proofs.push(proof);
                let oldest = proofs.iter().enumerate().min_by_key(|(_, proof)| proof.at);
                let oldest = oldest.map(|(place, _)| place).filter(|_| proofs.len() > Grant::MAX_PROOFS);
                oldest.map(|place| proofs.remove(place));
            }
        }
    }

    /// Limits the times of all of them to this one.
    pub(crate) fn at_latest(&mut self, now: Timestamp) {
        for proof in self.as_mut_slice() {
            proof.at = proof.at.min(now);
        }
    }
}

impl FromIterator<Proof> for Proofs {
    fn from_iter<I: IntoIterator<Item = Proof>>(all: I) -> Self {
        let mut proofs = Self::default();
        all.into_iter().for_each(|proof| proofs.add(proof));
        proofs
    }
}

impl PartialEq for Proofs {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for Proofs {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grant::Factor;
    use crate::time::Timestamp;

    #[test]
    fn of_each_factor_the_latest_counts() {
        let proof = |factor, at| Proof::new(factor, Timestamp::from_secs(at));
        let mut proofs = Proofs::default();
        assert_eq!(proofs.as_slice(), []);
        for at in [5, 9, 7] {
            proofs.add(proof(Factor::Password, at));
        }
        assert!(matches!(proofs, Proofs::One(one) if one == proof(Factor::Password, 9)));
        proofs.add(proof(Factor::Totp, 8));
        assert_eq!(proofs.as_slice(), [proof(Factor::Password, 9), proof(Factor::Totp, 8)]);
        assert_eq!(size_of::<Proofs>(), 16);
    }
}
