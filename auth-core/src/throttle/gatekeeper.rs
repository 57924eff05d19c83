//! The gate of a configured throttle.

use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

use super::bucket::{DAY, Limits, Verdict};
use super::device::{Device, ReadDevice};
use super::lanes::{Ending, Keys, LaneLimits, Lanes, account_key, source_of};
use super::places::{Hoped, Leaving, Place, Places, Unanswered};
use super::store::DynThrottleStore;
use super::whose::{Subject, Whose};
use super::{Account, Bucket, BucketKey};
use crate::backend::BackendError;
use crate::event::Observer;
use crate::gate::{Admission, AttemptEnd, Gate, GateAccount, GateAttempt};
use crate::grant::Factor;
use crate::networks::Networks;
use crate::time::{Clock, Timestamp};
use crate::unheard::log_error;
use crate::{DeniedKind, RequestFacts};

/// The limits.
pub(super) struct Rules {
    pub(super) keys: Keys,
    pub(super) limits: LaneLimits,
    /// For invalid tokens from one source.
    pub(super) tokens: Limits,
    pub(super) v6_prefix: u8,
    pub(super) exempt: Networks,
    pub(super) known_for: Duration,
    pub(super) actions: Vec<(Box<str>, Limits)>,
}

pub(crate) struct Gatekeeper {
    places: Places,
    whose: Whose,
    rules: Rules,
    devices: Box<dyn ReadDevice>,
    clock: Arc<dyn Clock>,
}

/// The place of an attempt.
pub(crate) enum Permit {
    /// It contains nothing that could be guessed.
    Free,
    /// A token, whose source is counted if the token is invalid.
    Token(BucketKey),
    Guess(Box<Guess>),
}

/// An attempt with a guessable secret.
pub(crate) struct Guess {
    origin: Origin,
    name: Place,
    /// For what the name turned out to be when it was last used.
    hoped: Vec<(Subject, Place)>,
    /// For the accounts that backends found.
    found: Vec<(Subject, Place)>,
    /// Subjects without a free place.
    exhausted: Vec<Subject>,
}

/// Where an attempt comes from.
struct Origin {
    source: Option<IpNet>,
    /// The device, if it knows the name, and since when.
    device: Option<(Device, Timestamp)>,
}

impl Gatekeeper {
    pub(super) fn new(
        store: Arc<dyn DynThrottleStore>,
        rules: Rules,
        devices: Box<dyn ReadDevice>,
        clock: Arc<dyn Clock>,
        observer: Arc<dyn Observer>,
    ) -> Self {
        let places = Places::new(store, rules.limits, Arc::clone(&clock), observer);
        Self { places, whose: Whose::new(), rules, devices, clock }
    }

    fn source(&self, facts: &RequestFacts) -> Option<IpNet> {
        source_of(facts.client()?, self.rules.v6_prefix)
    }

    /// Whether a source is counted separately.
    fn counts(&self, source: &IpNet) -> bool {
        !source.addr().is_loopback() && !self.rules.exempt.contains(source.addr())
    }

    fn lanes(&self, who: BucketKey, origin: &Origin, is_name: bool) -> Lanes {
        let Origin { source, device } = origin;
        let counts_source = is_name && source.as_ref().is_some_and(|source| self.counts(source));
        let device = device.as_ref().map(|(device, since)| (device.id(), *since));
        self.rules.keys.lanes(who, source.as_ref(), counts_source, device)
    }

    /// The lanes of an account, or of an unknown name.
    fn lanes_of(&self, subject: &Subject, name: &BucketKey, origin: &Origin) -> Lanes {
        match subject {
            Subject::Nobody => {
                // No device knows an unknown name.
                let origin = Origin { source: origin.source, device: None };
                self.lanes(self.rules.keys.nobody(name), &origin, false)
            }
            Subject::Account(account, at_most) => {
                let mut lanes = self.lanes(account_key(account), origin, false);
                lanes.cap = at_most.map(|(failures, within)| {
                    let (first, longest, forgotten) = (within, within, within);
                    let limits = Limits { free: failures, first, longest, per_day: u32::MAX, forgotten };
                    (self.rules.keys.cap(&lanes.who), limits)
                });
                lanes
            }
        }
    }

    async fn reserve_token(&self, facts: &RequestFacts) -> Admission<Permit> {
        let Some(source) = self.source(facts).filter(|source| self.counts(source)) else {
            return Admission::Admitted(Permit::Free);
        };
        let (key, now) = (self.rules.keys.tokens(&source), self.clock.now());
        // Only what this process knows: a good token costs the store nothing.
        if self.places.knows_locally(&[key]) {
            let look = |buckets: &mut [Bucket]| {
                buckets[0].settle(now, &self.rules.tokens);
                buckets[0].verdict(now, &self.rules.tokens)
            };
            if let Some(Verdict::Later(time)) = self.places.update_locally(&[key], look).await {
                return Admission::RetryAfter(time);
            }
        }
        Admission::Admitted(Permit::Token(key))
    }

    async fn report_token(&self, key: BucketKey, ending: AttemptEnd) {
        if ending_of(ending, Timestamp::default()) != Ending::Failed {
            return;
        }
        let now = self.clock.now();
        let count = |buckets: &mut [Bucket]| {
            buckets[0].settle(now, &self.rules.tokens);
            buckets[0].fail(now, &self.rules.tokens);
            buckets[0].clone()
        };
        let _turn = self.places.turn(&key).await;
        match self.places.update(&[key], &RequestFacts::NONE, count).await {
            // As counted by all instances.
            Ok(counted) => {
                _ = self.places.update_locally(&[key], |buckets| buckets[0] = counted.clone()).await;
            }
            Err(Unanswered) => _ = self.places.update_locally(&[key], count).await,
        }
    }

    /// Counts one of the application's own actions, if it is allowed now.
    pub(crate) async fn act(&self, action: &str, key: &str) -> Result<(), Duration> {
        let Some((_, limits)) = self.rules.actions.iter().find(|(name, _)| **name == *action) else {
            // An unknown action is a mistake of the application. Letting everything pass would hide it.
            log_error(&format_args!(
                "the throttle has no action {action:?}: add `.action({action:?}, …)` to it"
            ));
            return Err(DAY);
        };
        let (key, now) = (self.rules.keys.action(action, key), self.clock.now());
        let take = |limits: Limits| {
            move |buckets: &mut [Bucket]| {
                let bucket = &mut buckets[0];
                bucket.settle(now, &limits);
                match bucket.verdict(now, &limits) {
                    Verdict::Admitted => {
                        bucket.fail(now, &limits);
                        Ok(())
                    }
                    Verdict::Busy => Err(limits.first),
                    Verdict::Later(time) => Err(time),
                }
            }
        };
        let _turn = self.places.turn(&key).await;
        let halved = take(limits.halved());
        if self.places.knows_locally(&[key]) {
            self.places.update_locally(&[key], &halved).await.unwrap_or(Err(limits.longest))?;
        }
        match self.places.update(&[key], &RequestFacts::NONE, take(*limits)).await {
            Ok(taken) => taken,
            Err(Unanswered) => {
                self.places.update_locally(&[key], &halved).await.unwrap_or(Err(limits.longest))
            }
        }
    }

    /// The key of a name.
    pub(crate) fn name(&self, name: &str) -> BucketKey {
        self.rules.keys.name(name)
    }

    /// Forgets all devices on which an account was known.
    pub(crate) async fn forget_devices(&self, account: &Account) {
        let (key, now) = (account_key(account), self.clock.now());
        let forget = |buckets: &mut [Bucket]| buckets[0].forget_devices_of(account, now);
        let _turn = self.places.turn(&key).await;
        // The error has been reported.
        _ = self.places.update(&[key], &RequestFacts::NONE, forget).await;
    }
}

impl Gate for Gatekeeper {
    type Permit = Permit;

    async fn reserve(&self, attempt: &GateAttempt<'_>) -> Result<Admission<Permit>, BackendError> {
        if !attempt.is_guessable {
            return Ok(match attempt.factor {
                Factor::Token => self.reserve_token(attempt.facts).await,
                _ => Admission::Admitted(Permit::Free),
            });
        }
        let source = self.source(attempt.facts);
        let who = match attempt.subject.filter(|name| !name.is_empty()) {
            Some(name) => self.rules.keys.name(name),
            // Without a name the source is counted: attempts without names do not all come from one person.
            None => self.rules.keys.nameless(attempt.credentials, source.as_ref()),
        };
        let cookies = attempt.facts.devices();
        let device = if cookies.is_empty() { None } else { self.devices.read(cookies, self.clock.now()) };
        let device = device.and_then(|device| device.knows(&who).map(|since| (device, since)));
        let origin = Origin { source, device };
        let subjects = self.whose.of(&who);
        let hoped = subjects.iter().map(|subject| self.lanes_of(subject, &who, &origin)).collect();
        let lanes = self.lanes(who, &origin, true);
        Ok(match self.places.enter(lanes, hoped, attempt.facts).await {
            Ok(entered) => {
                let (name, found) = (entered.place, Vec::new());
                let (mut hoped, mut exhausted) = (Vec::new(), Vec::new());
                for (subject, what) in subjects.into_iter().zip(entered.hoped) {
                    match what {
                        Hoped::Taken(place) => hoped.push((subject, *place)),
                        Hoped::Exhausted => exhausted.push(subject),
                        Hoped::Unknown => {}
                    }
                }
                Admission::Admitted(Permit::Guess(Box::new(Guess { origin, name, hoped, found, exhausted })))
            }
            Err(time) => Admission::RetryAfter(time),
        })
    }

    async fn account(
        &self,
        permit: &mut Permit,
        account: &GateAccount<'_>,
    ) -> Result<Admission<()>, BackendError> {
        let Permit::Guess(guess) = permit else { return Ok(Admission::Admitted(())) };
        let subject = Subject::Account(Account::new(account.backend, account.id), account.at_most);
        let is_it = |(other, _): &(Subject, Place)| other.account() == subject.account();
        if guess.found.iter().any(is_it) {
            return Ok(Admission::Admitted(()));
        }
        if let Some(at) = guess.hoped.iter().position(is_it) {
            let (hoped, place) = guess.hoped.swap_remove(at);
            if hoped == subject {
                guess.found.push((hoped, place));
                return Ok(Admission::Admitted(()));
            }
            // With other limits than expected.
            self.places.leave(vec![Leaving { place, ending: Ending::Undecided, account: None }]).await;
        }
        if !guess.exhausted.contains(&subject) {
            let lanes = self.lanes_of(&subject, &guess.name.lanes().who, &guess.origin);
            if let Some(place) = self.places.enter_found(lanes, account.facts).await {
                guess.found.push((subject, place));
                return Ok(Admission::Admitted(()));
            }
            guess.exhausted.push(subject);
        }
        Ok(Admission::RetryAfter(self.rules.limits.lane.first))
    }

    async fn report(&self, permit: Permit, ending: AttemptEnd) {
        let guess = match permit {
            Permit::Free => return,
            Permit::Token(key) => return self.report_token(key, ending).await,
            Permit::Guess(guess) => guess,
        };
        let ending = ending_of(ending, self.clock.now().plus(self.rules.known_for));
        let Guess { origin, name, mut hoped, mut found, mut exhausted } = *guess;
        let who = name.lanes().who;
        let is_nobodys = found.is_empty() && exhausted.is_empty();
        if is_nobodys && ending == Ending::Failed {
            // An unknown name has no account and would be answered sooner, so it takes a place as an account does.
            if let Some(at) = hoped.iter().position(|(subject, _)| *subject == Subject::Nobody) {
                found.push(hoped.swap_remove(at));
            } else {
                let lanes = self.lanes_of(&Subject::Nobody, &who, &origin);
                match self.places.enter_found(lanes, &RequestFacts::NONE).await {
                    Some(place) => found.push((Subject::Nobody, place)),
                    None => exhausted.push(Subject::Nobody),
                }
            }
        }
        let subjects: Vec<_> = found.iter().map(|(subject, _)| subject).chain(&exhausted).cloned().collect();
        let account_of = |subject: &Subject| subject.account().cloned();
        let named = subjects.iter().find_map(account_of);
        // While a backend is down, nobody knows whose name it is.
        if ending != Ending::Undecided {
            self.whose.note(who, subjects);
        }
        // The chain ends with the backend that accepts: for the backends before it this is neither a failure nor a
        // success.
        let last = found.pop();
        let passed_over = if ending == Ending::Failed { Ending::Failed } else { Ending::Undecided };
        let mut leaving = vec![Leaving { place: name, ending, account: named }];
        leaving.extend(last.map(|(of, place)| Leaving { place, ending, account: account_of(&of) }));
        leaving.extend(found.into_iter().map(|(of, place)| Leaving {
            place,
            ending: passed_over,
            account: account_of(&of),
        }));
        leaving.extend(hoped.into_iter().map(|(_, place)| Leaving {
            place,
            ending: Ending::Undecided,
            account: None,
        }));
        self.places.leave(leaving).await;
    }
}

fn ending_of(ending: AttemptEnd, known_until: Timestamp) -> Ending {
    match ending {
        AttemptEnd::Accepted => Ending::Accepted { known_until },
        AttemptEnd::Denied(
            DeniedKind::Unavailable | DeniedKind::Throttled | DeniedKind::NoBackend | DeniedKind::CrossOrigin,
        ) => Ending::Undecided,
        AttemptEnd::Denied(
            DeniedKind::Denied(_) | DeniedKind::WrongSecret | DeniedKind::UnknownUser | DeniedKind::Malformed,
        )
        | AttemptEnd::Aborted => Ending::Failed,
    }
}
