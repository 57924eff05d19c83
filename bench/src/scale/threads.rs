//! Two threads against one: requests driven in this process, each thread with a runtime of its own, all with one store.

use std::io::BufRead;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use actix_service::Service;
use actix_web::test::{TestRequest, init_service};
use actix_web::{App, web};
use auth_core::Auth;
use axum::Router;
use clap::Args;

use super::Options;
use super::cookies::{Cookies, Dice};
use super::site::{SiteName, ask, auth, router};
use crate::child::Child;
use crate::load::middle;
use crate::person::Person;
use crate::table::Table;

const SITES: [SiteName; 5] = [
    SiteName::HandWritten,
    SiteName::Ours,
    SiteName::OursActix,
    SiteName::AxumLogin,
    SiteName::AxumLoginMoka,
];
/// How many live sessions the requests are of.
const SESSIONS: usize = 1000;

/// What the child processes are told.
#[derive(Args)]
pub(crate) struct Threads {
    #[arg(value_enum)]
    site: SiteName,
}

/// The child: answers `THREADS MILLISECONDS` with requests per second, all threads together.
pub(crate) fn child(options: &Threads) -> Result<(), String> {
    let auth = auth(SESSIONS + 1);
    let mut router = match options.site {
        SiteName::OursActix => router(auth.clone()),
        site => site.router(SESSIONS + 1),
    };
    let cookies = Arc::new(fill(options.site, &mut router)?);
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(|error| error.to_string())?;
        let numbers = line.split_once(' ').and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
        let (threads, milliseconds) = numbers.ok_or_else(|| format!("{line} are no two numbers"))?;
        let during = Duration::from_millis(milliseconds);
        let requests = drive(threads, during, |dice, stop| match options.site {
            SiteName::OursActix => ask_actix(&auth, &cookies, dice, stop),
            _ => ask_axum(router.clone(), &cookies, dice, stop),
        });
        println!("{}", u128::from(requests) * 1000 / u128::from(milliseconds));
    }
    Ok(())
}

fn fill(site: SiteName, router: &mut Router) -> Result<Cookies, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    runtime.map_err(|error| error.to_string())?.block_on(async {
        let mut cookies = Cookies::new(&site.log_in(router, 0).await, SESSIONS + 1);
        for number in 1..=SESSIONS {
            cookies.push(&site.log_in(router, number).await);
        }
        Ok(cookies)
    })
}

/// Lets each thread work until the time is over; the sum of what they did.
fn drive(threads: u64, during: Duration, work: impl Fn(Dice, &AtomicBool) -> u64 + Sync) -> u64 {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let start = |seed: u64| {
            let (work, stop) = (&work, &stop);
            scope.spawn(move || work(Dice(seed), stop))
        };
        let running: Vec<_> = (1..=threads).map(start).collect();
        thread::sleep(during);
        stop.store(true, Ordering::Relaxed);
        running.into_iter().map(|thread| thread.join().expect("no panic")).sum()
    })
}

fn ask_axum(mut router: Router, cookies: &Cookies, mut dice: Dice, stop: &AtomicBool) -> u64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(async {
        let mut requests = 0;
        while !stop.load(Ordering::Relaxed) {
            ask(&mut router, cookies.draw(&mut dice)).await;
            requests += 1;
        }
        requests
    })
}

fn ask_actix(auth: &Auth<Person>, cookies: &Cookies, mut dice: Dice, stop: &AtomicBool) -> u64 {
    actix_web::rt::System::new().block_on(async {
        let me = async |user: auth_actix::CurrentUser<Person>| user.name();
        let app = App::new().wrap(auth_actix::AuthLayer::new(auth.clone())).route("/me", web::get().to(me));
        let app = init_service(app).await;
        let mut requests = 0;
        while !stop.load(Ordering::Relaxed) {
            let request = TestRequest::get().uri("/me").insert_header(("cookie", cookies.draw(&mut dice)));
            let response = app.call(request.to_request()).await.expect("answered");
            assert!(response.status().is_success());
            requests += 1;
        }
        requests
    })
}

pub(super) fn table(options: &Options) -> Result<Table, String> {
    let mut children = Vec::new();
    for site in SITES {
        children.push(Child::start(&["scale-threads", &site.argument()])?);
    }
    let mut runs: Vec<[Vec<f64>; 2]> = SITES.iter().map(|_| Default::default()).collect();
    let start = Instant::now();
    for _ in 0..options.rounds {
        for (child, runs) in children.iter_mut().zip(&mut runs) {
            for (threads, runs) in (1..).zip(runs) {
                let answer = child.ask(&format!("{threads} {}", options.milliseconds))?;
                runs.push(answer.parse().map_err(|_| format!("a child answered {answer}"))?);
            }
        }
    }
    eprintln!("scale: two threads against one took {} s", start.elapsed().as_secs());
    let rows = SITES.iter().zip(&runs).map(|(site, [one, two])| {
        let ratios = one.iter().zip(two).map(|(one, two)| two / one);
        vec![
            site.title().into(),
            format!("{:.0}", middle(one.clone())),
            format!("{:.0}", middle(two.clone())),
            format!("{:.2}", middle(ratios.collect())),
        ]
    });
    let columns = ["site", "1 thread, requests/s", "2 threads, requests/s", "ratio"];
    Ok(Table { name: "threads".into(), columns: columns.map(String::from).to_vec(), rows: rows.collect() })
}
