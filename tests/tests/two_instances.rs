//! Two instances of a service, on different frameworks, with one truth between them: what one does counts at the
//! other with the next request.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use integration_tests::process::Demo;
use integration_tests::remote::Remote;
use integration_tests::site::{Answer, Request};
use tempfile::TempDir;
use test_servers::{MariaDb, Postgres, Redis};
use tokio::runtime::Builder;
use tokio::sync::watch;
use tokio::task::JoinSet;

const CAROL: (&str, &str) = ("carol", "correct horse battery staple");
const PEOPLE: [(&str, &str); 3] = [("alice", "wonderland"), ("bob", "builder"), CAROL];

#[test]
fn on_postgres_and_redis() {
    let (postgres, redis) = (Postgres::start(), Redis::new().start());
    agree(&Service::new(&postgres.url(), Some(&redis.url())));
}

#[test]
fn on_postgres() {
    agree(&Service::new(&Postgres::start().url(), None));
}

#[test]
fn on_maria_db() {
    agree(&Service::new(&MariaDb::start().url(), None));
}

/// How instances of one service are started: on the same servers, with the same secret.
struct Service {
    database: String,
    arguments: Vec<String>,
    _folder: TempDir,
}

impl Service {
    fn new(database: &str, sessions: Option<&str>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let mut arguments = vec!["--secret".into(), path(&folder.path().join("secret"))];
        arguments.extend(sessions.into_iter().flat_map(|url| ["--sessions".into(), url.into()]));
        Self { database: database.into(), arguments, _folder: folder }
    }

    fn start(&self, name: &str) -> Demo {
        let arguments: Vec<_> = self.arguments.iter().map(String::as_str).collect();
        Demo::on(&self.database, name, &arguments)
    }
}

fn path(path: &Path) -> String {
    path.to_str().expect("a plain path").to_owned()
}

fn agree(service: &Service) {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let [one, other] = Demo::NAMES.map(|name| service.start(name));
    runtime.block_on(async {
        let one = a_kill_in_the_middle_of_logins(service, one, &other).await;
        what_one_does_counts_at_the_other(&one, &other).await;
        nobody_is_lost_while_an_id_is_replaced(&one, &other).await;
    });
}

/// An answer that is none of "not now": 64 clients may keep a small machine too busy for a while.
async fn answered(site: &mut Remote, request: Request) -> Answer {
    site.answered(&request).await.expect("an answer")
}

/// What `/api/me` says of this session, if it is one.
async fn who(site: &mut Remote, token: &str) -> Option<String> {
    let answer = answered(site, Request::get("/api/me").cookie(token)).await;
    assert!(answer.all("set-cookie").is_empty(), "another answer may have set a newer one: {answer:?}");
    match answer.status {
        200 => Some(answer.body),
        401 => None,
        _ => panic!("{answer:?}"),
    }
}

/// A session. More may want one at once than the instance lets wait for their hash: they come again.
async fn log_in(site: &mut Remote, (username, password): (&str, &str)) -> String {
    site.login(username, password, None).await.expect("a session")
}

/// 64 clients log in at one and out at the other, each with two sessions one after the other.
async fn what_one_does_counts_at_the_other(one: &Demo, other: &Demo) {
    let mut clients = JoinSet::new();
    for number in 0..64 {
        let (mut here, mut there) = (Remote::new(one), Remote::new(other));
        clients.spawn(async move {
            for _ in 0..2 {
                let person = PEOPLE[number % 3];
                let token = log_in(&mut here, person).await;
                let named = format!(r#""username":"{}""#, person.0);
                assert!(who(&mut there, &token).await.is_some_and(|body| body.contains(&named)));
                assert!(who(&mut here, &token).await.is_some());
                let logout = Request::new("POST", "/logout").cookie(&token);
                assert_eq!(answered(&mut there, logout).await.status, 303);
                assert_eq!(who(&mut here, &token).await, None, "logged out there");
                assert_eq!(who(&mut there, &token).await, None);
                std::mem::swap(&mut here, &mut there);
            }
        });
    }
    clients.join_all().await;
}

/// Each login replaces the session's id; meanwhile others read it at the other instance.
async fn nobody_is_lost_while_an_id_is_replaced(one: &Demo, other: &Demo) {
    let (mut here, mut there) = (Remote::new(one), Remote::new(other));
    let (newest, current) = watch::channel(log_in(&mut here, CAROL).await);
    let mut readers = JoinSet::new();
    let reads = Arc::new(AtomicUsize::new(0));
    for _ in 0..8 {
        let (mut site, mut current, reads) = (Remote::new(other), current.clone(), Arc::clone(&reads));
        readers.spawn(async move {
            while current.has_changed().is_ok() {
                let token = current.borrow().clone();
                let known = who(&mut site, &token).await.is_some();
                // The login that replaces the id may be under way: then its answer has not come yet.
                assert!(known || current.changed().await.is_ok(), "the newest id is nobody's");
                reads.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    // Until enough was read meanwhile, however the machine shares its time.
    for logins in 0_u32.. {
        if logins >= 20 && reads.load(Ordering::Relaxed) > 100 {
            break;
        }
        let old = newest.borrow().clone();
        let new = here.login(CAROL.0, CAROL.1, Some(&old)).await.expect("a session");
        newest.send_replace(new.clone());
        for site in [&mut there, &mut here] {
            assert!(who(site, &new).await.is_some(), "the new id is good at once");
            assert_eq!(who(site, &old).await, None, "the old one is dead at once");
        }
    }
    drop(newest);
    readers.join_all().await;
}

/// One instance is killed while many log in there, some of them for the first time. Gives another in its place.
async fn a_kill_in_the_middle_of_logins(service: &Service, one: Demo, other: &Demo) -> Demo {
    let (mut there, stop) = (Remote::new(other), Arc::new(AtomicBool::new(false)));
    let carol = log_in(&mut there, CAROL).await;
    let reader = tokio::spawn({
        let (mut site, stop) = (Remote::new(other), Arc::clone(&stop));
        async move {
            while !stop.load(Ordering::Relaxed) {
                assert!(who(&mut site, &carol).await.is_some(), "the other goes on");
            }
        }
    });
    let (done, mut handed_out) = watch::channel(0);
    let done = Arc::new(done);
    let mut logins = JoinSet::new();
    for number in 0..48 {
        let (mut site, done) = (Remote::new(&one), Arc::clone(&done));
        logins.spawn(async move {
            let (username, password) = PEOPLE[number % 3];
            let token = site.login(username, password, None).await.ok()?;
            done.send_modify(|count| *count += 1);
            Some((username, token))
        });
    }
    handed_out.wait_for(|count| *count >= 6).await.expect("logins are under way");
    drop(one);
    let handed_out: Vec<_> = logins.join_all().await.into_iter().flatten().collect();
    assert!((6..48).contains(&handed_out.len()), "{}: it was not in the middle", handed_out.len());
    let mut people = Vec::new();
    for person in PEOPLE {
        let token = log_in(&mut there, person).await;
        people.push((person.0, who(&mut there, &token).await.expect("a session")));
        // The directory's group counts, wherever the creation of the user was broken off.
        let members = Request::get("/members").cookie(&token);
        let allowed = answered(&mut there, members).await.status == 200;
        assert_eq!(allowed, person.0 != "bob");
    }
    stop.store(true, Ordering::Relaxed);
    reader.await.expect("nobody was logged out at the other");
    let one = service.start(Demo::NAMES[0]);
    let mut here = Remote::new(&one);
    for (username, token) in handed_out {
        let (_, known) = people.iter().find(|(name, _)| *name == username).expect("one of them");
        // The same id: there are no two halves of a user.
        assert_eq!(who(&mut there, &token).await.as_ref(), Some(known), "a session that was handed out");
        assert_eq!(who(&mut here, &token).await.as_ref(), Some(known));
    }
    one
}
