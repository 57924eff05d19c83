//! Both sites on some servers, with a crowd.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use integration_tests::process::Demo;
use integration_tests::remote::Remote;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch::{self, Sender};
use tokio::task::JoinHandle;

use crate::table::{RECOVERY, Row};
use crate::visitors::{Felt, Phase, Tally, Visitor};

const BEFORE: Duration = Duration::from_millis(200);
const DURING: Duration = Duration::from_secs(2);
/// After so many right answers in a row, all is well for a visitor.
const ENOUGH: u32 = 4;

/// Everybody who signs in, with the password.
const PEOPLE: [(&str, &str); 3] =
    [("alice", "wonderland"), ("bob", "builder"), ("carol", "correct horse battery staple")];

/// Whether a fault keeps sites from reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    Fails,
    /// Whoever is signed in does not notice.
    GoesOn,
}

/// Both sites on the same servers, and sessions that live through all that happens to them.
pub(crate) struct Stack<S> {
    pub(crate) servers: S,
    pub(crate) demos: [Demo; 2],
    runtime: Runtime,
    members: Vec<(String, &'static str)>,
    rows: Vec<Row>,
}

impl<S> Stack<S> {
    pub(crate) fn new(servers: S, demos: [Demo; 2]) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let mut stack = Self { servers, demos, runtime, members: Vec::new(), rows: Vec::new() };
        stack.members = stack.log_in();
        stack.members.extend(stack.log_in());
        stack
    }

    /// Lets something fail for a while, and bring back what `begin` gave.
    pub(crate) fn fault<T>(
        &mut self,
        fault: &'static str,
        reading: Reading,
        begin: impl FnOnce(&mut S) -> T,
        end: impl FnOnce(&mut S, T),
    ) {
        let leaving = self.log_in();
        let (phase, _) = watch::channel(Phase::Before);
        let crowd = self.crowd(&phase, leaving, reading);
        thread::sleep(BEFORE);
        phase.send_replace(Phase::During);
        let broken = begin(&mut self.servers);
        let broke = Instant::now();
        while broke.elapsed() < DURING || !crowd.felt.enough() && broke.elapsed() < RECOVERY {
            thread::sleep(Duration::from_millis(5));
        }
        let felt = crowd.felt.enough();
        end(&mut self.servers, broken);
        let back = Instant::now();
        phase.send_replace(Phase::After(back));
        while !crowd.is_fine() && back.elapsed() < RECOVERY {
            thread::sleep(Duration::from_millis(5));
        }
        let recovered = crowd.is_fine();
        phase.send_replace(Phase::Over);
        let tally = self.runtime.block_on(crowd.tally());
        let (lost, resurrected) = self.runtime.block_on(self.audited(&tally));
        self.rows.push(Row { fault, tally, felt, recovered, lost, resurrected });
    }

    /// All that was seen.
    pub(crate) fn rows(self) -> Vec<Row> {
        self.rows
    }

    /// A session for each of the people.
    fn log_in(&self) -> Vec<(String, &'static str)> {
        let log_in = async |((name, password), demo)| {
            let (mut site, deadline) = (Remote::new(demo), Instant::now() + RECOVERY);
            loop {
                match site.login(name, password, None).await {
                    Ok(token) => return (token, name),
                    // The machine may be busy with other things.
                    Err(why) => assert!(Instant::now() < deadline, "{why}"),
                }
            }
        };
        let logins = PEOPLE.into_iter().zip(self.demos.iter().cycle());
        self.runtime.block_on(async {
            let mut sessions = Vec::new();
            for login in logins {
                sessions.push(log_in(login).await);
            }
            sessions
        })
    }

    fn crowd(&self, phase: &Sender<Phase>, leaving: Vec<(String, &'static str)>, reading: Reading) -> Crowd {
        let mut crowd = Crowd::default();
        let mut visitor = || {
            let fine = Arc::new(AtomicU32::new(0));
            crowd.fine.push(Arc::clone(&fine));
            Visitor::new(&self.demos, phase.subscribe(), fine, Arc::clone(&crowd.felt))
        };
        let mut visits: Vec<JoinHandle<Tally>> = Vec::new();
        for (token, name) in self.members.clone() {
            let member = visitor().who_goes_on(reading == Reading::GoesOn);
            visits.push(self.runtime.spawn(member.member(token, name)));
        }
        for (name, password) in [PEOPLE[0], PEOPLE[2]] {
            visits.push(self.runtime.spawn(visitor().comer(name, password)));
            visits.push(self.runtime.spawn(visitor().nobody()));
        }
        visits.push(self.runtime.spawn(visitor().leaver(leaving, DURING / 4)));
        crowd.visits = visits;
        crowd
    }

    /// How many sessions were lost, and how many came back, now that all is well.
    async fn audited(&self, tally: &Tally) -> (usize, usize) {
        let (mut lost, mut resurrected) = (0, 0);
        for demo in &self.demos {
            let mut site = Remote::new(demo);
            for (token, name) in self.members.iter().chain(&tally.begun) {
                let answer = site.me(token).await.expect("an answer");
                lost += usize::from(!answer.body.contains(&format!(r#""username":"{name}""#)));
            }
            for token in &tally.ended {
                resurrected += usize::from(!stays_out(&mut site, token).await);
            }
        }
        (lost, resurrected)
    }
}

/// Whether a session that was ended is. If the other site could not tell the store, it goes on trying.
async fn stays_out(site: &mut Remote, token: &str) -> bool {
    let deadline = Instant::now() + RECOVERY;
    while Instant::now() < deadline {
        if site.me(token).await.expect("an answer").status == 401 {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    false
}

/// Everybody who visits during one fault.
#[derive(Default)]
struct Crowd {
    fine: Vec<Arc<AtomicU32>>,
    felt: Arc<Felt>,
    visits: Vec<JoinHandle<Tally>>,
}

impl Crowd {
    fn is_fine(&self) -> bool {
        self.fine.iter().all(|fine| fine.load(Ordering::Relaxed) >= ENOUGH)
    }

    async fn tally(self) -> Tally {
        let mut all = Tally::default();
        for visit in self.visits {
            all.add(visit.await.expect("a visitor does not panic"));
        }
        all
    }
}
