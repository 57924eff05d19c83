//! What a policy requires, and what of it is missing.

use super::Enrolled;
use crate::factors::FactorKind;
use crate::grant::{Factor, Proof};

/// What a [policy](super::SecondFactor::policy) requires of a user before they are signed in.
///
/// ```
/// use auth_core::second_factor::{Enrolled, Needs};
///
/// # struct Member { is_staff: bool, must_change_password: bool, has_accepted_terms: bool }
/// fn policy(member: &Member, enrolled: Enrolled) -> Needs {
///     let needs = if member.is_staff { Needs::second_factor() } else { Needs::second_factor_if(enrolled) };
///     needs
///         .and_new_password_if(member.must_change_password)
///         .and_action_if("terms", !member.has_accepted_terms)
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Needs {
    second_factor: bool,
    accepts_mail: bool,
    new_password: bool,
    /// Allocates only if there are any.
    actions: Vec<&'static str>,
}

impl Needs {
    /// Requires nothing but the first proof.
    ///
    /// ```
    /// # use auth_core::second_factor::Needs;
    /// let robots = Needs::nothing();
    /// ```
    pub const fn nothing() -> Self {
        Self { second_factor: false, accepts_mail: false, new_password: false, actions: Vec::new() }
    }

    /// Requires a second factor. A user without one is asked to enrol one.
    ///
    /// ```
    /// use auth_core::second_factor::Needs;
    ///
    /// let staff = Needs::second_factor().accepting_mail();
    /// ```
    pub fn second_factor() -> Self {
        Self { second_factor: true, ..Self::nothing() }
    }

    /// Requires a second factor if the user has one.
    ///
    /// ```
    /// # use auth_core::second_factor::{Enrolled, Needs};
    /// let needs = Needs::second_factor_if(Enrolled::NONE);
    /// ```
    pub fn second_factor_if(enrolled: Enrolled) -> Self {
        Self { second_factor: enrolled.is_any(), ..Self::nothing() }
    }

    /// Also accepts a link or a code by e-mail as a second factor: a proof by credentials of the application whose
    /// [`FACTOR`](crate::Credentials::FACTOR) is [`Factor::EmailLink`]. By default it is not accepted, because
    /// somebody who reads the mail can usually also set a new password (NIST SP 800-63B §5.1.3.1).
    ///
    /// ```
    /// # use auth_core::second_factor::Needs;
    /// let needs = Needs::second_factor().accepting_mail();
    /// ```
    pub fn accepting_mail(self) -> Self {
        Self { accepts_mail: true, ..self }
    }

    /// Also requires a new password, if the current one must be changed. Satisfied once the backend loads a user
    /// without that mark.
    ///
    /// ```
    /// # use auth_core::second_factor::Needs;
    /// # let must_change_password = true;
    /// let needs = Needs::nothing().and_new_password_if(must_change_password);
    /// ```
    pub fn and_new_password_if(self, must_change: bool) -> Self {
        Self { new_password: self.new_password || must_change, ..self }
    }

    /// Also requires an action of the application (`terms`) that is still open. Satisfied once the backend loads a
    /// user for whom it is done.
    ///
    /// ```
    /// # use auth_core::second_factor::Needs;
    /// # let has_accepted_terms = false;
    /// let needs = Needs::nothing().and_action_if("terms", !has_accepted_terms);
    /// ```
    pub fn and_action_if(mut self, name: &'static str, is_open: bool) -> Self {
        if is_open && !self.actions.contains(&name) {
            self.actions.push(name);
        }
        self
    }

    /// Whether a second factor is among them.
    pub(crate) fn asks_second_factor(&self) -> bool {
        self.second_factor
    }

    /// What is missing with these proofs and enrolled factors. A trusted browser replaces the second factor.
    pub(crate) fn missing(&self, proofs: &[Proof], enrolled: Enrolled, is_trusted: bool) -> Option<Missing> {
        let lacks_factor = self.second_factor && !is_trusted && !is_two_factor(proofs, self.accepts_mail);
        if !lacks_factor && !self.new_password && self.actions.is_empty() {
            return None;
        }
        let mut needs = Vec::new();
        if lacks_factor && (enrolled.is_any() || self.accepts_mail) {
            needs.push(Need::SecondFactor);
        }
        if self.new_password {
            needs.push(Need::NewPassword);
        }
        if lacks_factor && needs.first() != Some(&Need::SecondFactor) {
            needs.push(Need::Enrolment);
        }
        needs.extend(self.actions.iter().copied().map(Need::Action));
        Some(Missing { needs, enrolled })
    }
}

/// What a login still needs: see [`Session::pending`](crate::Session::pending).
///
/// ```
/// use auth_core::second_factor::Need;
///
/// fn page(need: Need) -> &'static str {
///     match need {
///         Need::SecondFactor => "/login/factor",
///         Need::NewPassword => "/account/password",
///         Need::Enrolment => "/account/factors",
///         Need::Action("terms") => "/terms",
///         _ => "/login",
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Need {
    /// A proof by a second factor.
    SecondFactor,
    /// A new password.
    NewPassword,
    /// Enrolling a second factor, because the user has none.
    Enrolment,
    /// An action of the application.
    Action(&'static str),
}

/// What a login still needs, in the order in which to provide it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Missing {
    /// Empty if everything is there, and the login only has to be finished.
    pub(crate) needs: Vec<Need>,
    pub(crate) enrolled: Enrolled,
}

impl Missing {
    /// Nothing is missing.
    pub(crate) const fn nothing(enrolled: Enrolled) -> Self {
        Self { needs: Vec::new(), enrolled }
    }

    pub(crate) fn first(&self) -> Option<Need> {
        self.needs.first().copied()
    }

    /// The first missing thing, for programs (RFC 9457 §3.2), by name; for factors, each that would do.
    pub(crate) fn problem(&self) -> &'static str {
        macro_rules! problem {
            ($needs:literal) => {
                concat!(
                    r#"{"type":"about:blank","title":"Unauthorized","status":401,"needs":["#,
                    $needs,
                    "]}"
                )
            };
        }
        let has = |kind| self.enrolled.has(kind);
        match self.first() {
            Some(Need::SecondFactor) => {
                match (has(FactorKind::Passkey), has(FactorKind::Totp), has(FactorKind::RecoveryCodes)) {
                    (true, true, true) => problem!(r#""passkey","totp","recovery_code""#),
                    (true, true, false) => problem!(r#""passkey","totp""#),
                    (true, false, true) => problem!(r#""passkey","recovery_code""#),
                    (true, false, false) => problem!(r#""passkey""#),
                    (false, true, true) => problem!(r#""totp","recovery_code""#),
                    (false, true, false) => problem!(r#""totp""#),
                    (false, false, _) => problem!(r#""second_factor""#),
                }
            }
            Some(Need::NewPassword) => problem!(r#""new_password""#),
            Some(Need::Enrolment) => problem!(r#""enrolment""#),
            Some(Need::Action(_)) => problem!(r#""action""#),
            None => problem!(""),
        }
    }
}

/// Whether proofs are of two factors: one that identifies a device or replaces it, and another one. A passkey whose
/// device verified its user is both (FIDO; NIST SP 800-63B §5.1.9).
pub(crate) fn is_two_factor(proofs: &[Proof], accepts_mail: bool) -> bool {
    let has = |factor| proofs.iter().any(|proof| proof.factor == factor);
    if has(Factor::Passkey) && has(Factor::UserVerification) {
        return true;
    }
    let is_other = |second| {
        let is_first =
            |factor: Factor| factor.is_personal() && factor != second && factor != Factor::UserVerification;
        proofs.iter().any(|proof| is_first(proof.factor))
    };
    proofs.iter().any(|proof| is_second(proof.factor, accepts_mail) && is_other(proof.factor))
}

/// Whether a factor counts as the second one.
pub(crate) fn is_second(factor: Factor, accepts_mail: bool) -> bool {
    match factor {
        Factor::Totp | Factor::RecoveryCode | Factor::Passkey | Factor::ClientCertificate => true,
        Factor::EmailLink => accepts_mail,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    fn proofs(factors: &[Factor]) -> Vec<Proof> {
        factors.iter().map(|factor| Proof::new(*factor, Timestamp::from_secs(5))).collect()
    }

    #[test]
    fn what_two_factors_are() {
        use Factor::{
            ClientCertificate, EmailLink, Federated, Passkey, Password, RecoveryCode, RemoteUser, Token,
            Totp, UserVerification,
        };
        let table: [(&[Factor], bool, bool); 19] = [
            (&[], false, false),
            (&[Password], false, false),
            (&[Totp], false, false),
            (&[Password, Totp], true, true),
            (&[Password, RecoveryCode], true, true),
            (&[Password, Passkey], true, true),
            (&[Password, ClientCertificate], true, true),
            (&[Password, EmailLink], false, true),
            (&[EmailLink], false, false),
            (&[EmailLink, Totp], true, true),
            (&[Passkey], false, false),
            (&[Passkey, UserVerification], true, true),
            (&[UserVerification], false, false),
            (&[Totp, UserVerification], false, false),
            (&[Federated, Password], false, false),
            (&[Federated, Totp], true, true),
            (&[RemoteUser], false, false),
            (&[Token, Totp], false, false),
            (&[Token, Password, Totp], true, true),
        ];
        for (factors, strict, with_mail) in table {
            let proofs = proofs(factors);
            let found = (is_two_factor(&proofs, false), is_two_factor(&proofs, true));
            assert_eq!(found, (strict, with_mail), "{factors:?}");
        }
    }

    #[test]
    fn what_is_missing_and_in_which_order() {
        let (one, two) = (proofs(&[Factor::Password]), proofs(&[Factor::Password, Factor::Totp]));
        let app = Enrolled::NONE.with(FactorKind::Totp);
        let everything = Needs::second_factor().and_new_password_if(true).and_action_if("terms", true);
        let needs = |needs: &Needs, proofs: &[Proof], enrolled, is_trusted| {
            needs.missing(proofs, enrolled, is_trusted).map(|missing| missing.needs)
        };
        let (own, terms) = (vec![Need::NewPassword, Need::Action("terms")], Need::Action("terms"));
        let table = [
            ("nothing", needs(&Needs::nothing(), &one, app, false), None),
            ("one of two", needs(&Needs::second_factor(), &one, app, false), Some(vec![Need::SecondFactor])),
            ("two", needs(&Needs::second_factor(), &two, app, false), None),
            ("trusted", needs(&Needs::second_factor(), &one, app, true), None),
            (
                "nobody enrols",
                needs(&Needs::second_factor_if(Enrolled::NONE), &one, Enrolled::NONE, false),
                None,
            ),
            (
                "to be enrolled",
                needs(&Needs::second_factor(), &one, Enrolled::NONE, false),
                Some(vec![Need::Enrolment]),
            ),
            (
                "the factor comes first",
                needs(&everything, &one, app, false),
                Some(vec![Need::SecondFactor, Need::NewPassword, terms]),
            ),
            (
                "what somebody else knows is changed before anything is enrolled",
                needs(&everything, &one, Enrolled::NONE, false),
                Some(vec![Need::NewPassword, Need::Enrolment, terms]),
            ),
            ("trust is for the factor alone", needs(&everything, &one, app, true), Some(own)),
        ];
        for (name, found, expected) in table {
            assert_eq!(found, expected, "{name}");
        }
    }

    #[test]
    fn problems_are_json_that_names_what_is_missing() {
        let kinds = [FactorKind::Totp, FactorKind::RecoveryCodes, FactorKind::Passkey];
        let names = ["totp", "recovery_code", "passkey"];
        for bits in 0_u8..8 {
            let chosen = || (0..3).filter(|at| bits & (1 << at) != 0);
            let missing = Missing {
                needs: vec![Need::SecondFactor, Need::NewPassword],
                enrolled: chosen().map(|at| kinds[at]).collect(),
            };
            let body: serde_json::Value = serde_json::from_str(missing.problem()).unwrap();
            let found: Vec<_> =
                body["needs"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
            let expected: Vec<_> = match bits {
                0 | 2 => vec!["second_factor"],
                _ => chosen().map(|at| names[at]).collect(),
            };
            assert_eq!(
                (found.len(), expected.iter().all(|name| found.contains(name))),
                (expected.len(), true)
            );
            assert_eq!(body["status"], 401);
        }
    }
}
