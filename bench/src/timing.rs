//! Whether the time of a refused login tells whom it was for: Welch's t-test over attempts in random order, each kind against a name
//! that nobody has.
//!
//! The chain is one that leaves much to tell: two tables, of which the first also reads bcrypt. That the work is the same
//! is counted in the tests; this shows what a clock sees of it. Above 4.5 it is called a leak (as by `dudect`).

use std::collections::HashMap;
use std::time::Instant;

use auth_core::backend::{Accepted, Attempt, Backend, BackendError, DeclineReason, Outcome, UserSource};
use auth_core::password::{Format, Verdict};
use auth_core::{Auth, Password, Passwords, RequestFacts, Secret, User, UserId};
use clap::Args;

#[derive(Args)]
pub(crate) struct Options {
    /// How often each kind of login is tried
    #[arg(long, default_value_t = 500)]
    samples: usize,
    /// Takes the processor time of all threads for the time: on a machine that has more to do, the clock tells little
    #[arg(long)]
    processor: bool,
}

impl Options {
    /// Seconds, of which differences count.
    fn now(&self, start: Instant) -> Result<f64, String> {
        if self.processor {
            computed().map_err(|error| error.to_string())
        } else {
            Ok(start.elapsed().as_secs_f64())
        }
    }
}

/// The seconds that the threads of this process have computed (proc(5), `schedstat`).
fn computed() -> std::io::Result<f64> {
    let mut nanos = 0.0;
    for thread in std::fs::read_dir("/proc/self/task")? {
        let text = std::fs::read_to_string(thread?.path().join("schedstat"))?;
        nanos += text.split(' ').next().and_then(|first| first.parse::<f64>().ok()).unwrap_or_default();
    }
    Ok(nanos / 1e9)
}

const RIGHT: &str = "correct horse battery staple";

/// Who logs in, and with what. The first is what the others are compared with.
const KINDS: [(&str, &str, &str); 7] = [
    ("nobody", "nobody", "wrong"),
    ("nobody else", "no one", "wrong"),
    ("wrong password", "ann", "wrong"),
    ("wrong password, bcrypt of lower cost", "bob", "wrong"),
    ("disabled, right password", "off", RIGHT),
    ("without password", "sso", "wrong"),
    ("wrong password, second table", "ben", "wrong"),
];

struct Member(bool);

impl User for Member {
    fn id(&self) -> UserId {
        UserId::from(1)
    }

    fn security_stamp(&self) -> &[u8] {
        b"stamp"
    }

    fn is_active(&self) -> bool {
        self.0
    }
}

struct Table {
    passwords: Passwords,
    rows: HashMap<&'static str, String>,
}

impl UserSource for Table {
    type User = Member;

    async fn get_user(&self, _: &UserId) -> Result<Option<Member>, BackendError> {
        Ok(None)
    }
}

impl Backend<Password> for Table {
    fn passwords(&self) -> Option<&Passwords> {
        Some(&self.passwords)
    }

    async fn authenticate(
        &self,
        attempt: &Attempt<'_, Password>,
    ) -> Result<Outcome<Accepted<Member>>, BackendError> {
        let name = attempt.credentials().username();
        let hash = self.rows.get(name).map(String::as_str);
        let verdict = attempt.verify(&self.passwords, hash).await?;
        Ok(match (hash, verdict) {
            (None, _) => Outcome::Decline(DeclineReason::UnknownUser),
            (_, Verdict::Mismatch) => Outcome::Decline(DeclineReason::WrongSecret),
            _ => Outcome::accept(Member(name != "off")),
        })
    }
}

/// Tries all kinds of logins, and prints what the clock tells of them.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let times = runtime.map_err(|error| error.to_string())?.block_on(measure(options))?;
    println!("{:<40}{:>10}{:>8}", "refused login", "ms", "t");
    for ((name, ..), times_of) in KINDS.iter().zip(&times) {
        println!("{name:<40}{:>10.2}{:>8.1}", mean(times_of) * 1e3, welch(times_of, &times[0]));
    }
    Ok(())
}

/// The seconds that each kind took, in rounds of all of them, shuffled.
async fn measure(options: &Options) -> Result<Vec<Vec<f64>>, String> {
    let auth = chain().await.map_err(|error| error.to_string())?;
    let (start, mut times) = (Instant::now(), vec![Vec::new(); KINDS.len()]);
    for round in 0..=options.samples {
        for kind in shuffled()? {
            let (_, name, password) = KINDS[kind];
            let before = options.now(start)?;
            let answer = auth.authenticate(Password::new(name, password), &RequestFacts::none()).await;
            let took = options.now(start)? - before;
            if answer.is_ok() {
                return Err(format!("{name} was let in"));
            }
            // The first round finds caches and memory cold.
            if round > 0 {
                times[kind].push(took);
            }
        }
    }
    Ok(times.into_iter().map(without_outliers).collect())
}

async fn chain() -> Result<Auth<Member>, Box<dyn std::error::Error>> {
    let first = Passwords::builder().accept([Format::bcrypt(8)]).build()?;
    let old = Passwords::builder().prefer(Format::bcrypt(6)).dangerous_weak().threads(1).build()?;
    let (right, second) = (Secret::new(RIGHT), Passwords::new()?);
    let argon2 = first.hash(&right).await?.as_str().to_owned();
    let bcrypt = old.hash(&right).await?.as_str().to_owned();
    let rows = [("ann", argon2.clone()), ("bob", bcrypt), ("off", argon2.clone()), ("sso", "!".to_owned())];
    let first = Table { passwords: first, rows: rows.into() };
    let second = Table { passwords: second, rows: [("ben", argon2)].into() };
    Ok(Auth::builder().backend::<Password>("first", first).backend::<Password>("second", second).build()?)
}

/// All kinds, in random order (Fisher and Yates).
fn shuffled() -> Result<[usize; KINDS.len()], String> {
    let mut order: [usize; KINDS.len()] = std::array::from_fn(|kind| kind);
    for last in (1..order.len()).rev() {
        let random = getrandom::u64().map_err(|error| error.to_string())?;
        order.swap(last, usize::try_from(random % (last as u64 + 1)).unwrap_or_default());
    }
    Ok(order)
}

/// All but the slowest tenth: what else the machine did meanwhile would hide a difference.
fn without_outliers(mut times: Vec<f64>) -> Vec<f64> {
    times.sort_by(f64::total_cmp);
    times.truncate((times.len() * 9 / 10).max(2));
    times
}

#[expect(clippy::cast_precision_loss, reason = "there are not so many samples")]
fn mean(times: &[f64]) -> f64 {
    times.iter().sum::<f64>() / times.len() as f64
}

/// The variance of the mean.
#[expect(clippy::cast_precision_loss, reason = "there are not so many samples")]
fn variance(times: &[f64]) -> f64 {
    let (mean, count) = (mean(times), times.len() as f64);
    times.iter().map(|time| (time - mean).powi(2)).sum::<f64>() / (count - 1.0) / count
}

/// Welch's t: how many standard errors two means are apart.
fn welch(one: &[f64], other: &[f64]) -> f64 {
    (mean(one) - mean(other)) / (variance(one) + variance(other)).sqrt()
}
