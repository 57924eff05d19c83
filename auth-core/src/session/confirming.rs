//! One question at a time about each user of a backend.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use super::{Live, SessionKey};
use crate::UserId;
use crate::backend::{BackendError, ConfirmUser, Confirmation, Health, Outcome};
use crate::breaker::{Breaker, Fault};
use crate::cause::Cause;
use crate::guard::{guarded, interrupted};
use crate::health::Checkup;
use crate::report::Reports;
use crate::time::{Clock, Timestamp};

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// How long a user is left alone after a question that failed. With this much one user alone never opens the breaker.
const HOLD_OFF: Duration = Duration::from_secs(10);

/// The dyn twin of [`ConfirmUser`].
pub(crate) trait DynConfirm: Send + Sync {
    fn confirm_user<'a>(
        &'a self,
        id: &'a UserId,
        reports: &'a Reports,
    ) -> BoxFuture<'a, Result<Outcome<()>, BackendError>>;
    fn health(&self) -> BoxFuture<'_, Health>;
}

impl<B: ConfirmUser> DynConfirm for B {
    fn confirm_user<'a>(
        &'a self,
        id: &'a UserId,
        reports: &'a Reports,
    ) -> BoxFuture<'a, Result<Outcome<()>, BackendError>> {
        Box::pin(ConfirmUser::confirm_user(self, id, reports))
    }

    fn health(&self) -> BoxFuture<'_, Health> {
        Box::pin(ConfirmUser::health(self))
    }
}

/// How the users of one backend are confirmed, and about whom is being asked.
pub(crate) struct Confirming {
    settings: Confirmation,
    by: Box<dyn DynConfirm>,
    breaker: Breaker,
    checkup: Checkup,
    asked: Mutex<HashMap<UserId, Waiting>>,
}

/// What a question ended in.
#[derive(Clone)]
pub(crate) enum Asked {
    /// The user may stay. The session with this key is now so; `None` if somebody ended it.
    Confirmed(SessionKey, Option<Live>),
    /// The user may not, and has no sessions any more.
    Ended,
    /// It could not be found out, for this reason.
    Unknown(Cause),
}

type Waiting = watch::Receiver<Option<Asked>>;

impl Confirming {
    pub(crate) fn new(settings: Confirmation, by: Box<dyn DynConfirm>) -> Self {
        Self { settings, by, breaker: Breaker::new(), checkup: Checkup::default(), asked: Mutex::default() }
    }

    /// Whether the user of a session is to be asked about.
    pub(crate) fn is_due(&self, live: &Live, now: Timestamp) -> bool {
        self.settings.is_due(live.key.as_bytes(), live.record.confirmed, now)
    }

    /// Where the answer about a user comes; and the duty to ask, if nobody has it.
    pub(crate) fn join(self: &Arc<Self>, user: &UserId) -> (Waiting, Option<Asking>) {
        let mut asked = self.lock();
        if let Some(waiting) = asked.get(user) {
            return (waiting.clone(), None);
        }
        let (answer, waiting) = watch::channel(None);
        asked.insert(user.clone(), waiting.clone());
        drop(asked);
        let asking = Asking { confirming: Arc::clone(self), user: user.clone(), answer, is_listed: true };
        (waiting, Some(asking))
    }

    /// Whether a session goes on that could not be confirmed.
    pub(crate) fn is_in_grace(&self, live: &Live, now: Timestamp) -> bool {
        self.settings.is_in_grace(live.record.confirmed, now)
    }

    // Nothing can panic half-way under the lock.
    fn lock(&self) -> MutexGuard<'_, HashMap<UserId, Waiting>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The duty to ask about a user. When it is dropped, others may.
pub(crate) struct Asking {
    confirming: Arc<Confirming>,
    user: UserId,
    answer: watch::Sender<Option<Asked>>,
    /// Whether those who come are told what is answered to this.
    is_listed: bool,
}

impl Asking {
    pub(crate) fn is_due(&self, live: &Live, now: Timestamp) -> bool {
        self.confirming.is_due(live, now)
    }

    /// Asks about the user; `None` while the outside system is left alone.
    pub(crate) async fn ask(
        &self,
        reports: &Reports,
        limit: Duration,
        clock: &dyn Clock,
    ) -> Option<Result<Outcome<()>, BackendError>> {
        let Confirming { by, breaker, checkup, .. } = &*self.confirming;
        let permit = breaker.admit(clock.now())?;
        let asked = guarded(limit, async { by.confirm_user(&self.user, reports).await }).await;
        let answer = asked.unwrap_or_else(interrupted);
        let health = || checkup.ask(limit, async { by.health().await });
        permit.report(Fault::in_answer(&answer), clock.now(), health).await;
        Some(answer)
    }

    /// Tells those who wait, and for a while those who come, if it could not be found out.
    ///
    /// What was found out is of when it was asked: whoever comes after the answer asks again. So it is taken off the list
    /// before anybody can hear it.
    pub(crate) async fn tell(mut self, answer: Asked) {
        let failed = matches!(answer, Asked::Unknown(_));
        if !failed {
            self.take_off();
        }
        self.answer.send_replace(Some(answer));
        if failed {
            sleep(HOLD_OFF).await;
        }
    }

    /// Once: by then the user may be on the list for somebody else's question.
    fn take_off(&mut self) {
        if std::mem::take(&mut self.is_listed) {
            self.confirming.lock().remove(&self.user);
        }
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.take_off();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::{BackendErrorKind, UserSource};
    use crate::time::ManualClock;

    /// Fails over everybody but one.
    struct Odd {
        fails: BackendErrorKind,
        health: Health,
    }

    #[derive(Debug)]
    struct Nobody;

    impl crate::User for Nobody {
        fn id(&self) -> UserId {
            UserId::from(0)
        }

        fn security_stamp(&self) -> &[u8] {
            b""
        }

        fn is_active(&self) -> bool {
            false
        }
    }

    impl UserSource for Odd {
        type User = Nobody;

        async fn get_user(&self, _: &UserId) -> Result<Option<Nobody>, BackendError> {
            Ok(None)
        }

        async fn health(&self) -> Health {
            self.health
        }
    }

    impl ConfirmUser for Odd {
        async fn confirm_user(&self, id: &UserId, _: &Reports) -> Result<Outcome<()>, BackendError> {
            if *id == UserId::from(1) { Ok(Outcome::Accept(())) } else { Err(BackendError::of(self.fails)) }
        }
    }

    /// Whoever hears an answer, and comes again, is not told the same one.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn an_answer_is_for_those_who_asked_before_it() {
        let settings = Confirmation::every(Duration::from_secs(60));
        let odd = Odd { fails: BackendErrorKind::Undecided, health: Health::Serving };
        let (confirming, user) = (Arc::new(Confirming::new(settings, Box::new(odd))), UserId::from(1));
        for _ in 0..5_000 {
            let (mut waiting, asking) = confirming.join(&user);
            let asking = asking.expect("nobody else asks");
            let again = tokio::spawn({
                let (confirming, user) = (Arc::clone(&confirming), user.clone());
                async move {
                    waiting.wait_for(Option::is_some).await.unwrap();
                    confirming.join(&user).1.is_some()
                }
            });
            asking.tell(Asked::Ended).await;
            assert!(again.await.unwrap(), "it is asked again");
        }
    }

    /// Users about whom an outside system says odd things, or nothing, keep no others from being confirmed.
    #[tokio::test]
    async fn odd_users_are_about_themselves() {
        use BackendErrorKind::{InvalidData, TimedOut, Unavailable, Undecided};
        let table = [
            (Undecided, Health::Down, true),
            (TimedOut, Health::Unknown, true),
            (InvalidData, Health::Serving, true),
            (Unavailable, Health::Serving, true),
            (TimedOut, Health::Down, false),
            (Unavailable, Health::Unknown, false),
        ];
        for (fails, health, is_asked) in table {
            let settings = Confirmation::every(Duration::from_secs(60));
            let confirming = Arc::new(Confirming::new(settings, Box::new(Odd { fails, health })));
            let clock = ManualClock::at(Timestamp::from_secs(1_000));
            let ask = async |id: i64| {
                let (_, asking) = confirming.join(&UserId::from(id));
                asking.expect("nobody else asks").ask(&Reports::new(), Duration::from_secs(5), &clock).await
            };
            for id in 2..52 {
                assert!(!matches!(ask(id).await, Some(Ok(_))));
            }
            assert_eq!(matches!(ask(1).await, Some(Ok(_))), is_asked, "{fails:?}, {health:?}");
        }
    }
}
