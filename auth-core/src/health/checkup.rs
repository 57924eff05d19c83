//! One health check at a time.

use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::Health;
use crate::guard::{Interrupted, guarded};

/// The check that is under way, if any. Many attempts that fail at once share it: separate checks would overload a
/// backend that has trouble already.
#[derive(Debug, Default)]
pub(crate) struct Checkup(Mutex<Option<Waiting>>);

type Waiting = watch::Receiver<Option<Health>>;

impl Checkup {
    /// A backend's own statement about its health. It has half the time of an attempt, so that both fit into a
    /// chain's; without an answer it is down. A panic says nothing, since the check itself may be at fault.
    pub(crate) async fn ask(&self, limit: Duration, health: impl Future<Output = Health>) -> Health {
        loop {
            match self.join() {
                Ok(turn) => {
                    let health = match guarded(limit / 2, health).await {
                        Ok(health) => health,
                        Err(Interrupted::TimedOut) => Health::Down,
                        Err(Interrupted::Panicked) => Health::Unknown,
                    };
                    turn.answer.send_replace(Some(health));
                    return health;
                }
                // An error means that the asking request went away: then another one must ask.
                Err(mut waiting) => {
                    if let Some(health) = waiting.wait_for(Option::is_some).await.ok().and_then(|told| *told)
                    {
                        return health;
                    }
                }
            }
        }
    }

    fn join(&self) -> Result<Turn<'_>, Waiting> {
        let mut asked = self.lock();
        if let Some(waiting) = &*asked {
            return Err(waiting.clone());
        }
        let (answer, waiting) = watch::channel(None);
        *asked = Some(waiting);
        Ok(Turn { checkup: self, answer })
    }

    // Nothing can panic half-way under the lock.
    fn lock(&self) -> MutexGuard<'_, Option<Waiting>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The duty to ask. When it is dropped, the next one gets it: the duty is released before the waiting requests are
/// woken.
struct Turn<'a> {
    checkup: &'a Checkup,
    answer: watch::Sender<Option<Health>>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.checkup.lock() = None;
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(5);

    #[tokio::test(start_paused = true)]
    async fn those_who_ask_at_once_share_a_question() {
        let (checkup, asked) = (Checkup::default(), AtomicUsize::new(0));
        let ask = || {
            checkup.ask(LIMIT, async {
                asked.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_secs(1)).await;
                Health::Serving
            })
        };
        let answers = tokio::join!(ask(), ask(), ask());
        assert_eq!(answers, (Health::Serving, Health::Serving, Health::Serving));
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        assert_eq!(ask().await, Health::Serving);
        assert_eq!(asked.load(Ordering::SeqCst), 2, "an answer is not kept");
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_goes_away_leaves_the_question_to_others() {
        let checkup = Checkup::default();
        let gone = tokio::time::timeout(Duration::from_secs(1), checkup.ask(LIMIT, pending()));
        let (gone, next) = tokio::join!(gone, checkup.ask(LIMIT, async { Health::Serving }));
        assert!(gone.is_err());
        assert_eq!(next, Health::Serving);
    }

    #[tokio::test(start_paused = true)]
    async fn no_word_is_down_and_a_panic_is_none() {
        let checkup = Checkup::default();
        assert_eq!(checkup.ask(LIMIT, pending()).await, Health::Down);
        assert_eq!(checkup.ask(LIMIT, async { panic!("inside") }).await, Health::Unknown);
    }
}
