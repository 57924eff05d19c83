//! A few proofs, small where there is one.

use crate::grant::{Proof, add_proof};

/// The proofs of a session: nearly always one, which is kept in place.
#[derive(Clone, Default)]
pub(crate) enum Proofs {
    #[default]
    None,
    One(Proof),
    #[expect(clippy::box_collection, reason = "beside a thin pointer the tag needs no room of its own")]
    More(Box<Vec<Proof>>),
}

impl Proofs {
    pub(super) fn as_slice(&self) -> &[Proof] {
        match self {
            Self::None => &[],
            Self::One(proof) => std::slice::from_ref(proof),
            Self::More(proofs) => proofs,
        }
    }

    pub(super) fn add(&mut self, proof: Proof) {
        let mut proofs = self.as_slice().to_vec();
        add_proof(&mut proofs, proof);
        *self = if let [one] = proofs[..] { Self::One(one) } else { Self::More(Box::new(proofs)) };
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
