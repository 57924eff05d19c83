//! Who was provisioned recently, and with what data: a user whose token comes with every request is not looked up and
//! compared each time.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::backend::Identity;
use crate::identity_hasher::IdentityState;
use crate::random::{OsRandom, Random};
use crate::time::{Clock, Timestamp};
use crate::{UserId, keyed};

/// A keyed hash, of this process only.
type Hash = [u8; 32];

const SHARDS: usize = 16;
/// How many people a shard remembers at a time: 10,000 in total. Beyond that, people are provisioned each time.
const MAX_PEOPLE: usize = 10_000 / SHARDS;
/// How many expired entries are removed when one is added: each makes room for more than itself.
const FORGOTTEN_AT_ONCE: usize = 2;

/// The people whom this process provisioned recently, by keyed hashes of their data.
///
/// Of each person the latest data are remembered: a token with other claims has replaced what an earlier one made of
/// the user, so the earlier claims count as new again.
pub(super) struct Seen {
    key: keyed::Key,
    time: Duration,
    clock: Box<dyn Clock>,
    shards: [Mutex<People>; SHARDS],
}

/// The data of a person.
#[derive(Clone, Copy)]
pub(super) struct Said {
    who: Hash,
    what: Hash,
}

#[derive(Default)]
struct People {
    by_who: HashMap<Hash, Person, IdentityState>,
    by_end: BTreeSet<(Timestamp, Hash)>,
    rounds: u64,
}

struct Person {
    what: Hash,
    /// Concurrent provisionings with the same identity form one round.
    round: u64,
    /// `None` until it is written.
    user: Option<UserId>,
    since: Timestamp,
    until: Timestamp,
}

impl Person {
    /// A clock that was set back never prolongs it.
    fn lasts(&self, now: Timestamp) -> bool {
        self.since <= now && now < self.until
    }
}

impl People {
    fn remove(&mut self, who: &Hash) {
        if let Some(person) = self.by_who.remove(who) {
            self.by_end.remove(&(person.until, *who));
        }
    }

    fn add(&mut self, who: Hash, person: Person) {
        self.by_end.insert((person.until, who));
        self.by_who.insert(who, person);
    }

    fn forget_what_is_over(&mut self, now: Timestamp) {
        for _ in 0..FORGOTTEN_AT_ONCE {
            let Some((_, who)) = self.by_end.first().copied().filter(|(until, _)| *until <= now) else {
                return;
            };
            self.remove(&who);
        }
    }
}

impl Seen {
    /// `None` if nobody should be remembered, or there is no key for it.
    pub(super) fn new(time: Duration, clock: impl Clock) -> Option<Self> {
        let mut key = keyed::Key::default();
        if time.is_zero() || OsRandom.fill(&mut *key).is_err() {
            return None;
        }
        Some(Self { key, time, clock: Box::new(clock), shards: Default::default() })
    }

    pub(super) fn said(&self, identity: &Identity) -> Said {
        let encoded = identity.encode();
        Said { who: keyed::hash(&self.key, [encoded.whose()]), what: keyed::hash(&self.key, [encoded.all()]) }
    }

    /// The user, if these are the latest data of the person, and not too old.
    pub(super) fn user(&self, said: &Said) -> Option<UserId> {
        let now = self.clock.now();
        let people = self.people(&said.who);
        let person = people.by_who.get(&said.who)?;
        (person.what == said.what && person.lasts(now)).then(|| person.user.clone()).flatten()
    }

    /// Provisioning of a person begins. Until it ends, it is unknown what will be written.
    pub(super) fn begin(&self, said: Said) -> Round<'_> {
        let now = self.clock.now();
        let mut people = self.people(&said.who);
        let same = people.by_who.get(&said.who).filter(|known| known.what == said.what && known.lasts(now));
        let round = same.map(|known| known.round);
        let number = round.unwrap_or_else(|| {
            people.rounds += 1;
            people.remove(&said.who);
            people.forget_what_is_over(now);
            if people.by_who.len() < MAX_PEOPLE {
                let (round, until) = (people.rounds, now.plus(self.time));
                people.add(said.who, Person { what: said.what, round, user: None, since: now, until });
            }
            people.rounds
        });
        Round { seen: self, said, number, user: None }
    }

    fn people(&self, who: &Hash) -> MutexGuard<'_, People> {
        // From another byte than the hash in the shard's table.
        let at = usize::from(who[31]) % SHARDS;
        self.shards[at].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A person who is being provisioned.
pub(super) struct Round<'a> {
    seen: &'a Seen,
    said: Said,
    number: u64,
    user: Option<UserId>,
}

impl Round<'_> {
    /// Provisioning has ended with this user.
    pub(super) fn done(mut self, user: &UserId) {
        self.user = Some(user.clone());
    }
}

/// After a failure or a cancellation it is unknown what is written; also if another identity of the same person is
/// provisioned concurrently, because one of the two was written last. In these cases nobody is remembered.
impl Drop for Round<'_> {
    fn drop(&mut self) {
        let mut people = self.seen.people(&self.said.who);
        let own = people.by_who.get_mut(&self.said.who).filter(|person| person.round == self.number);
        match (own, self.user.take()) {
            (Some(person), Some(user)) => person.user = Some(user),
            _ => people.remove(&self.said.who),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::time::ManualClock;

    const TIME: Duration = Duration::from_secs(60);

    struct World {
        clock: Arc<ManualClock>,
        seen: Seen,
    }

    impl World {
        fn new() -> Self {
            let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_000)));
            Self { seen: Seen::new(TIME, Arc::clone(&clock)).unwrap(), clock }
        }

        fn begin(&self, identity: &Identity) -> Round<'_> {
            self.seen.begin(self.seen.said(identity))
        }

        fn user(&self, identity: &Identity) -> Option<UserId> {
            self.seen.user(&self.seen.said(identity))
        }

        /// How many are kept, by both books.
        fn kept(&self) -> [usize; 2] {
            let shards = self.seen.shards.iter().map(|shard| shard.lock().unwrap());
            let sizes: Vec<_> = shards.map(|shard| (shard.by_who.len(), shard.by_end.len())).collect();
            [sizes.iter().map(|(one, _)| one).sum(), sizes.iter().map(|(_, other)| other).sum()]
        }
    }

    fn ann(group: &str) -> Identity {
        Identity::new("issuer", "ann").with_groups([group])
    }

    fn id() -> UserId {
        UserId::from(7_u64)
    }

    #[test]
    fn nobody_is_known_before_it_is_done_nor_when_it_failed() {
        let world = World::new();
        let round = world.begin(&ann("a"));
        assert_eq!(world.user(&ann("a")), None);
        drop(round);
        assert_eq!((world.user(&ann("a")), world.kept()), (None, [0; 2]));
        world.begin(&ann("a")).done(&id());
        assert_eq!(world.user(&ann("a")), Some(id()));
        drop(world.begin(&ann("a")));
        assert_eq!(world.user(&ann("a")), None, "what failed may have written half of it");
    }

    /// Who is provisioned by the same token in ten requests at once is known by it.
    #[test]
    fn the_same_at_once_is_one_round() {
        let world = World::new();
        let rounds: Vec<_> = (0..10).map(|_| world.begin(&ann("a"))).collect();
        for round in rounds {
            round.done(&id());
        }
        assert_eq!((world.user(&ann("a")), world.kept()), (Some(id()), [1; 2]));
    }

    /// Which of two was written last, nobody can tell.
    #[test]
    fn who_meets_another_identity_of_the_same_person_is_not_known() {
        for first_ends_first in [true, false] {
            let world = World::new();
            world.begin(&ann("a")).done(&id());
            let (one, other) = (world.begin(&ann("a")), world.begin(&ann("b")));
            let (first, last) = if first_ends_first { (one, other) } else { (other, one) };
            first.done(&id());
            last.done(&id());
            assert_eq!((world.user(&ann("a")), world.user(&ann("b"))), (None, None));
            assert_eq!(world.kept(), [0; 2]);
        }
    }

    #[test]
    fn what_was_said_last_counts() {
        let world = World::new();
        for group in ["a", "b"] {
            world.begin(&ann(group)).done(&id());
        }
        assert_eq!((world.user(&ann("a")), world.user(&ann("b"))), (None, Some(id())));
        assert_eq!(world.kept(), [1; 2], "one place for each person");
    }

    #[test]
    fn it_is_over_after_the_time_and_when_the_clock_goes_back() {
        let world = World::new();
        let start = world.clock.now();
        world.begin(&ann("a")).done(&id());
        for (millis, expected) in [(59_999, true), (60_000, false)] {
            world.clock.set(start.plus(Duration::from_millis(millis)));
            assert_eq!(world.user(&ann("a")).is_some(), expected, "{millis}");
        }
        world.clock.set(Timestamp::from_millis(start.as_millis() - 1));
        assert_eq!(world.user(&ann("a")), None);
        // Nor does a round that was begun once more make it last longer.
        world.clock.set(start.plus(Duration::from_secs(30)));
        world.begin(&ann("a")).done(&id());
        world.clock.set(start.plus(TIME));
        assert_eq!(world.user(&ann("a")), None);
    }

    #[test]
    fn there_is_room_for_so_many_and_again_when_they_are_over() {
        let world = World::new();
        let somebody = |n: u32| Identity::new("issuer", n.to_string());
        for n in 0..30_000 {
            world.begin(&somebody(n)).done(&id());
        }
        assert_eq!(world.kept(), [MAX_PEOPLE * SHARDS; 2]);
        assert!(world.user(&somebody(0)).is_some(), "the first of all");
        world.clock.advance(TIME);
        for n in 30_000..60_000 {
            world.begin(&somebody(n)).done(&id());
        }
        assert_eq!(world.kept(), [MAX_PEOPLE * SHARDS; 2]);
        assert!(world.user(&somebody(0)).is_none());
        assert!(world.user(&somebody(30_000)).is_some());
    }
}
