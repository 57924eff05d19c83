//! A store with sessions in it, and how long its operations take.

use std::error::Error;
use std::future::Future;
use std::pin::pin;
use std::time::{Duration, Instant};

use auth_core::session::{SessionKey, SessionRecord, SessionStore, StoreError, StoreErrorKind, Written};
use auth_core::time::Timestamp;
use futures_util::stream::{self, TryStreamExt};

use super::ground::Ground;
use super::records::{Records, random_key};
use crate::load::middle;
use crate::scale::cookies::Dice;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Load,
    Touch,
    Create,
    Delete,
    Refused,
    AfterExpiry,
    Purge,
}

impl Operation {
    pub(super) const ALL: [Self; 7] =
        [Self::Load, Self::Touch, Self::Create, Self::Delete, Self::Refused, Self::AfterExpiry, Self::Purge];

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::Touch => "touch",
            Self::Create => "create",
            Self::Delete => "delete",
            Self::Refused => "create, full",
            Self::AfterExpiry => "create, all expired",
            Self::Purge => "purge 1000",
        }
    }
}

/// How many sessions each user has.
const EACH: usize = 10;
/// How long sessions live: longer than the benchmark runs.
const LONG: Duration = Duration::from_hours(24 * 30);
/// How long those live that are purged.
const SHORT: Duration = Duration::from_hours(1);
/// How many are purged at once.
const PURGED: usize = 1000;
const TICK: Duration = Duration::from_millis(1);

/// A full store, whose sessions are known. Each of its operations leaves as many in it as there were.
pub(super) struct Held<G> {
    ground: G,
    records: Records,
    /// The session of this number is one of the user of a tenth of it, also after it was replaced.
    keys: Vec<SessionKey>,
    /// The time that the store is told: it goes on by a tick with everything that is written.
    now: Timestamp,
    dice: Dice,
    /// Microseconds, of each operation.
    times: [Vec<f64>; Operation::ALL.len()],
}

impl<G: Ground> Held<G> {
    /// Fills a store.
    pub(super) async fn fill(ground: G, records: &Records, sessions: usize) -> Result<Self, String> {
        let mut held = Self {
            ground,
            records: records.clone(),
            keys: vec![SessionKey::from_bytes([0; 32]); sessions],
            now: records.start(),
            dice: Dice(1),
            times: Default::default(),
        };
        held.create_all(&(0..sessions).collect::<Vec<_>>(), LONG).await?;
        held.ground.settle().await?;
        Ok(held)
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The median in microseconds; `None` of what was not measured.
    pub(super) fn time(&self, operation: Operation) -> Option<f64> {
        let times = &self.times[operation as usize];
        (!times.is_empty()).then(|| middle(times.clone()))
    }

    /// Measures each operation so many times, and a few purges, while all sessions live.
    pub(super) async fn measure(&mut self, times: usize, purges: usize) -> Result<(), String> {
        for _ in 0..times {
            self.load().await?;
        }
        for _ in 0..times {
            self.touch().await?;
        }
        let refusals = if self.ground.is_bounded() { times } else { 0 };
        for _ in 0..refusals {
            self.refuse().await?;
        }
        for _ in 0..times {
            self.replace().await?;
        }
        for _ in 0..purges {
            self.purge().await?;
        }
        Ok(())
    }

    /// Lets all sessions expire.
    pub(super) async fn expire(&mut self) -> Result<(), String> {
        self.now = self.now.plus(LONG + TICK);
        self.ground.end_all().await
    }

    /// Measures logins after that. What they remove is not brought back.
    pub(super) async fn measure_after_expiry(&mut self, times: usize) -> Result<(), String> {
        for _ in 0..times {
            let at = self.any();
            let (key, record) = (random_key(), self.record(at, LONG));
            let create = self.ground.store().create(&key, &record);
            timed(&mut self.times, Operation::AfterExpiry, create).await?;
            self.ground.store().delete(&key).await.map_err(|error| said(&error))?;
        }
        Ok(())
    }

    async fn load(&mut self) -> Result<(), String> {
        let at = self.any();
        let key = self.keys[at];
        let load = self.ground.store().load(&key, self.now);
        match timed(&mut self.times, Operation::Load, load).await? {
            Some(stored) if stored.key == key => Ok(()),
            _ => Err("a session is lost".into()),
        }
    }

    async fn touch(&mut self) -> Result<(), String> {
        let at = self.any();
        let key = self.keys[at];
        self.now = self.now.plus(TICK);
        let touch = self.ground.store().touch(&key, self.now, self.now.plus(LONG));
        match timed(&mut self.times, Operation::Touch, touch).await? {
            Written::Done => Ok(()),
            written => Err(format!("a session was touched: {written:?}")),
        }
    }

    /// A login for which there is no room.
    async fn refuse(&mut self) -> Result<(), String> {
        let at = self.any();
        let (key, record) = (random_key(), self.record(at, LONG));
        let create = async {
            match self.ground.store().create(&key, &record).await {
                Err(error) if error.kind() == StoreErrorKind::Full => Ok(true),
                answer => answer.map(|()| false),
            }
        };
        let is_refused = timed(&mut self.times, Operation::Refused, create).await?;
        if is_refused { Ok(()) } else { Err("a full store takes one more session".into()) }
    }

    /// Ends a session, and begins another one of the same user.
    async fn replace(&mut self) -> Result<(), String> {
        let at = self.any();
        let delete = self.ground.store().delete(&self.keys[at]);
        timed(&mut self.times, Operation::Delete, delete).await?;
        self.now = self.now.plus(TICK);
        self.keys[at] = random_key();
        let record = self.record(at, LONG);
        let create = self.ground.store().create(&self.keys[at], &record);
        timed(&mut self.times, Operation::Create, create).await
    }

    /// Puts others in the place of some sessions that soon expire, and purges them.
    async fn purge(&mut self) -> Result<(), String> {
        let count = PURGED.min(self.len());
        // Of as many users as there are: those of a user stand together.
        let apart = self.len() / count;
        let first = self.dice.below(apart);
        let some: Vec<_> = (0..count).map(|number| first + number * apart).collect();
        self.delete_all(&some).await?;
        self.create_all(&some, SHORT).await?;
        let purge = self.ground.store().purge_expired(self.now.plus(SHORT), PURGED as u64);
        let purged = timed(&mut self.times, Operation::Purge, purge).await?;
        if purged != count as u64 {
            return Err(format!("{purged} of {count} sessions were purged"));
        }
        self.create_all(&some, LONG).await
    }

    /// Begins sessions in these places, which are empty.
    async fn create_all(&mut self, places: &[usize], lives: Duration) -> Result<(), String> {
        for &at in places {
            self.keys[at] = random_key();
        }
        let start = self.now;
        self.now = start.plus(TICK * u32::try_from(places.len()).unwrap_or(u32::MAX));
        let created = (0..).map(|tick| start.plus(TICK * tick));
        let (held, places) = (&*self, stream::iter(places.iter().zip(created).map(Ok)));
        let create = async |(&at, now): (&usize, _)| {
            let record = held.records.record(at / EACH, now, lives);
            held.ground.store().create(&held.keys[at], &record).await
        };
        places.try_for_each_concurrent(held.ground.writers(), create).await.map_err(|error| said(&error))
    }

    async fn delete_all(&self, places: &[usize]) -> Result<(), String> {
        let keys = stream::iter(places.iter().map(|&at| Ok(&self.keys[at])));
        let delete = async |key| self.ground.store().delete(key).await;
        keys.try_for_each_concurrent(self.ground.writers(), delete).await.map_err(|error| said(&error))
    }

    fn any(&mut self) -> usize {
        self.dice.below(self.keys.len())
    }

    /// What a login of the user makes whose session this is.
    fn record(&self, at: usize, lives: Duration) -> SessionRecord {
        self.records.record(at / EACH, self.now, lives)
    }
}

/// Waits for an operation and notes how long it took.
async fn timed<T>(
    times: &mut [Vec<f64>; Operation::ALL.len()],
    operation: Operation,
    call: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, String> {
    let mut call = pin!(call);
    let start = Instant::now();
    let answer = call.as_mut().await;
    times[operation as usize].push(start.elapsed().as_secs_f64() * 1e6);
    answer.map_err(|error| format!("{}: {}", operation.title(), said(&error)))
}

/// An error with what lies behind it.
fn said(error: &StoreError) -> String {
    error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}

#[cfg(test)]
mod tests {
    use auth_core::session::MemorySessions;

    use super::*;

    #[tokio::test]
    async fn operations_leave_as_many_sessions() {
        let records = Records::of_a_login().await.unwrap();
        let mut held = Held::fill(MemorySessions::new(2000), &records, 2000).await.unwrap();
        held.measure(3, 2).await.unwrap();
        assert_eq!(held.ground.len(), 2000);
        held.expire().await.unwrap();
        held.measure_after_expiry(1).await.unwrap();
        let counts = held.times.each_ref().map(Vec::len);
        assert_eq!(counts, [3, 3, 3, 3, 3, 1, 2]);
    }
}
