//! The crowd: who visits, and what is a right answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use integration_tests::process::Demo;
use integration_tests::remote::{Remote, login};
use integration_tests::site::{Answer, Request};
use tokio::sync::watch::Receiver;
use tokio::time::sleep;

/// A session is read within 1 s, and its user within 2 s.
const READ_WITHIN: Duration = Duration::from_secs(3);
/// Two backends are asked, each for 2 s at most; then the session is written, within 2 s.
const WRITTEN_WITHIN: Duration = Duration::from_secs(6);
/// What a machine may add that has much else to do. The table shows how long the slowest answer took.
const SLACK: Duration = Duration::from_secs(60);
/// Less than the shortest time after which a site gives up on a server: whoever is refused sooner was refused for
/// something else than that the machine is slow.
const GIVEN_UP: Duration = Duration::from_millis(700);
/// How many requests are traffic.
const TRAFFIC: u32 = 20;
/// Between two requests of one visitor, so that the processor is not what is measured.
const PAUSE: Duration = Duration::from_millis(20);
/// Between two logins: they cost time of the processor.
const LOGIN_PAUSE: Duration = Duration::from_millis(150);

/// How far a fault has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Before,
    During,
    /// The server is back since then.
    After(Instant),
    Over,
}

/// What visitors saw.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// Requests during the fault.
    pub(crate) requests: u64,
    /// Requests that were refused for now.
    pub(crate) refused: u64,
    /// What should not have been.
    pub(crate) wrong: Vec<String>,
    pub(crate) slowest: Duration,
    /// How long after the fault the last request was refused.
    pub(crate) recovery: Duration,
    /// Sessions that were handed out, and are alive.
    pub(crate) begun: Vec<(String, &'static str)>,
    /// Sessions that were ended.
    pub(crate) ended: Vec<String>,
}

impl Tally {
    pub(crate) fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.refused += other.refused;
        self.wrong.extend(other.wrong);
        self.slowest = self.slowest.max(other.slowest);
        self.recovery = self.recovery.max(other.recovery);
        self.begun.extend(other.begun);
        self.ended.extend(other.ended);
    }
}

/// Somebody who visits both sites by turns.
pub(crate) struct Visitor {
    sites: [Remote; 2],
    turn: usize,
    phase: Receiver<Phase>,
    /// Whoever is refused in less time than this is refused without a reason, even during the fault.
    goes_on: Option<Duration>,
    /// How many right answers came in a row.
    fine: Arc<AtomicU32>,
    felt: Arc<Felt>,
    tally: Tally,
}

/// What all visitors together notice of a fault while it lasts.
#[derive(Debug, Default)]
pub(crate) struct Felt {
    requests: AtomicU32,
    refused: AtomicU32,
}

impl Felt {
    /// Whether there was traffic, and some of it was refused.
    pub(crate) fn enough(&self) -> bool {
        self.requests.load(Ordering::Relaxed) > TRAFFIC && self.refused.load(Ordering::Relaxed) > 0
    }
}

impl Visitor {
    pub(crate) fn new(
        demos: &[Demo; 2],
        phase: Receiver<Phase>,
        fine: Arc<AtomicU32>,
        felt: Arc<Felt>,
    ) -> Self {
        let sites = [Remote::new(&demos[0]), Remote::new(&demos[1])];
        Self { sites, turn: 0, phase, goes_on: None, fine, felt, tally: Tally::default() }
    }

    /// This one does not notice the fault. It may be refused like anybody else where the machine is too slow for
    /// the sites' limits.
    pub(crate) fn who_goes_on(mut self, goes_on: bool) -> Self {
        self.goes_on = goes_on.then_some(GIVEN_UP);
        self
    }

    /// Visits with a session that stays.
    pub(crate) async fn member(mut self, token: String, username: &'static str) -> Tally {
        let is_member = username != "bob";
        let named = format!(r#""username":"{username}""#);
        while self.goes_there().await {
            let personal = |answer: &Answer| answer.status == 200 && answer.body.contains(&named);
            self.read("/api/me", Some(&token), personal).await;
            self.read("/me", Some(&token), personal).await;
            let belongs = |answer: &Answer| answer.status == if is_member { 200 } else { 403 };
            self.read("/members", Some(&token), belongs).await;
            let open = |answer: &Answer| answer.status == 200 && answer.body == username;
            self.read("/open", Some(&token), open).await;
        }
        self.tally
    }

    /// Visits without a session: whoever is nobody needs no server.
    pub(crate) async fn nobody(mut self) -> Tally {
        self.goes_on = Some(Duration::MAX);
        while self.goes_there().await {
            self.read("/open", None, |answer| answer.status == 200 && answer.body == "anonymous").await;
            self.read("/api/me", None, |answer| answer.status == 401).await;
            let page = Request::get("/me").navigating();
            self.ask(&page, READ_WITHIN, |answer| answer.one("location") == "/login?next=/me").await;
        }
        self.tally
    }

    /// Logs in and out, again and again.
    pub(crate) async fn comer(mut self, username: &'static str, password: &str) -> Tally {
        let login = login(username, password);
        for stays in [false, true].into_iter().cycle() {
            if !self.goes_there().await {
                break;
            }
            sleep(LOGIN_PAUSE).await;
            let welcome = |answer: &Answer| answer.status == 200 && answer.token().is_some();
            let answer = self.ask(&login, WRITTEN_WITHIN, welcome).await;
            let Some(token) = answer.and_then(|answer| answer.token()) else { continue };
            self.turn += 1;
            self.read("/open", Some(&token), |answer| answer.body == username).await;
            if stays {
                self.tally.begun.push((token, username));
            } else {
                self.leave(token, username).await;
            }
        }
        self.tally
    }

    /// Ends these sessions, now and then.
    pub(crate) async fn leaver(mut self, sessions: Vec<(String, &'static str)>, every: Duration) -> Tally {
        for (token, username) in sessions {
            sleep(every).await;
            self.leave(token, username).await;
        }
        // Who has left is not waited for.
        self.fine.store(u32::MAX / 2, Ordering::Relaxed);
        self.tally
    }

    /// Logs out. Where that was, the session is dead at once, whether or not the store could be told; unless the
    /// site could not even find out whose it is, and says so by leaving the cookie.
    async fn leave(&mut self, token: String, username: &'static str) {
        let logout = Request::new("POST", "/logout").cookie(&token);
        let answer = self.ask(&logout, WRITTEN_WITHIN, |answer| answer.status == 303).await;
        let Some(answer) = answer else { return };
        if answer.all("set-cookie").is_empty() {
            self.tally.begun.push((token, username));
            return;
        }
        self.turn += usize::from(answer.status == 303);
        self.read("/api/me", Some(&token), |answer| answer.status == 401).await;
        self.tally.ended.push(token);
    }

    /// Waits a little. False if it is over.
    async fn goes_there(&mut self) -> bool {
        self.turn += 1;
        sleep(PAUSE).await;
        *self.phase.borrow() != Phase::Over
    }

    async fn read(&mut self, target: &str, token: Option<&str>, is_right: impl Fn(&Answer) -> bool) {
        let request = token.into_iter().fold(Request::get(target), Request::cookie);
        let keeps = |answer: &Answer| is_right(answer) && answer.all("set-cookie").is_empty();
        self.ask(&request, READ_WITHIN, keeps).await;
    }

    /// The answer, if it is right, or a refusal.
    async fn ask(
        &mut self,
        request: &Request,
        limit: Duration,
        is_right: impl Fn(&Answer) -> bool,
    ) -> Option<Answer> {
        let before = *self.phase.borrow();
        let began = Instant::now();
        let answer = self.sites[self.turn % 2].send(request).await;
        let (took, after) = (began.elapsed(), *self.phase.borrow());
        let during = [before, after].contains(&Phase::During);
        self.tally.requests += u64::from(during);
        self.felt.requests.fetch_add(u32::from(during), Ordering::Relaxed);
        self.tally.slowest = self.tally.slowest.max(took);
        if took > limit + SLACK {
            self.wrong(request, &format!("it took {took:?}"));
        }
        match answer {
            Ok(answer) if is_right(&answer) => {
                self.fine.fetch_add(1, Ordering::Relaxed);
                return Some(answer);
            }
            Ok(answer) if is_refusal(request, &answer) => {
                self.felt.refused.fetch_add(u32::from(during), Ordering::Relaxed);
                self.refused(request, after, took);
                return Some(answer);
            }
            Ok(answer) => self.wrong(request, &format!("{after:?}: {answer:?}")),
            Err(error) => self.wrong(request, &format!("{after:?}: {error}")),
        }
        None
    }

    fn refused(&mut self, request: &Request, phase: Phase, took: Duration) {
        self.tally.refused += 1;
        self.fine.store(0, Ordering::Relaxed);
        match phase {
            Phase::Before if took < GIVEN_UP => self.wrong(request, "refused while all is well"),
            Phase::After(since) => self.tally.recovery = self.tally.recovery.max(since.elapsed()),
            Phase::Before | Phase::During | Phase::Over => {}
        }
        if self.goes_on.is_some_and(|limit| took < limit) {
            self.wrong(request, "refused, though it needs nothing that fails");
        }
    }

    fn wrong(&mut self, request: &Request, what: &str) {
        self.tally.wrong.push(format!("{} {}: {what}", request.method, request.target));
    }
}

/// It says when to come again, and the cookie stays; but for a logout, which the browser need not wait
/// for.
fn is_refusal(request: &Request, answer: &Answer) -> bool {
    let keeps = answer.all("set-cookie").is_empty() || request.target == "/logout";
    answer.status == 503
        && answer.one("retry-after") == "5"
        && answer.one("cache-control") == "no-store"
        && answer.token().is_none()
        && keeps
}
