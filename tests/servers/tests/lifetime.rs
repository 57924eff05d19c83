//! Nothing outlives its test.

use std::fs;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use test_servers::{Program, Redis, Server};

/// Set for a child of these tests: it starts a server, says where, and waits to be killed.
const VICTIM: &str = "TEST_SERVERS_VICTIM";

fn answers(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}

#[track_caller]
fn eventually(what: &str, is: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while !is() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_server_ends_with_its_value_and_starts_again_where_it_was() {
    let mut redis = Redis::new().start();
    let (port, folder) = (redis.port(), redis.folder().to_owned());
    assert!(answers(port));
    redis.kill();
    assert!(!answers(port));
    redis.start_again();
    assert!(answers(port) && redis.port() == port);
    redis.stop();
    assert!(!answers(port) && redis.log().contains("ready to exit"), "{}", redis.log());
    redis.start_again();
    redis.suspend();
    drop(redis);
    assert!(!answers(port) && !folder.exists());
}

/// Each thread is stopped when it is said: whoever asks from here on has no answer.
#[test]
fn a_suspended_server_stands_still() {
    let redis = Redis::new().start();
    let states = || {
        let threads = fs::read_dir(format!("/proc/{}/task", redis.id())).unwrap();
        let stats = threads.map(|thread| fs::read_to_string(thread.unwrap().path().join("stat")).unwrap());
        stats.map(|stat| stat.rsplit(") ").next().unwrap().chars().next()).collect::<Vec<_>>()
    };
    for round in 0..200 {
        redis.suspend();
        let states = states();
        assert!(states.iter().all(|state| *state == Some('T')), "{round}: {states:?}");
        redis.resume();
    }
    assert!(answers(redis.port()));
}

#[test]
fn a_server_ends_when_its_test_panics() {
    let port = std::panic::catch_unwind(|| {
        let redis = Redis::new().with_tls().start();
        std::panic::panic_any(redis.port());
    });
    let port = *port.unwrap_err().downcast::<u16>().unwrap();
    assert!(!answers(port));
}

#[test]
fn a_server_ends_when_its_test_is_killed() {
    if std::env::var_os(VICTIM).is_some() {
        let redis = Redis::new().start();
        fs::write(
            std::env::var_os(VICTIM).unwrap(),
            format!("{} {}", redis.port(), redis.folder().display()),
        )
        .unwrap();
        loop {
            std::thread::park();
        }
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    let test = "a_server_ends_when_its_test_is_killed";
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact"])
        .env(VICTIM, file.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let said = || fs::read_to_string(file.path()).unwrap();
    eventually("the victim starts a server", || said().contains(' '));
    let said = said();
    let (port, folder) = said.split_once(' ').unwrap();
    let (port, folder) = (port.parse().unwrap(), PathBuf::from(folder));
    assert!(answers(port));
    victim.kill().unwrap();
    victim.wait().unwrap();
    eventually("the server ends", || !answers(port));
    eventually("its folder is removed", || !folder.exists());
}

#[test]
fn what_a_server_started_ends_with_it() {
    let mut server = Server::start(Program {
        name: "sh",
        package: "dash",
        ready: "child",
        command: Box::new(|_, _| {
            let mut command = Command::new("sh");
            command.args(["-c", "sleep 1000 & echo child $!; exec sleep 1000"]);
            command
        }),
    });
    let child = server.log().trim().replace("child ", "");
    // Until somebody has asked how it ended, it is still in the table.
    let ended =
        || fs::read_to_string(format!("/proc/{child}/stat")).map_or(true, |stat| stat.contains(") Z "));
    assert!(!ended());
    server.stop();
    eventually("the child ends", ended);
}
