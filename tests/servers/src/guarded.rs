//! A child process that does not outlive this one.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use std::{fs, io, thread};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid};

/// How long a program may take to start or to end on a machine that has much else to do: who takes longer hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);

/// A program in a process group of its own. Dropping it ends the group.
#[derive(Debug)]
pub(crate) struct Guarded {
    child: Child,
    watchdog: Child,
    ended: bool,
}

/// Waits until its standard input ends, which is when the process that holds the other end does: killed or not.
/// Then it ends the group and removes the folder, if it was told one.
const WATCH: &str = r#"read -r never; kill -s KILL -- "-$1"; [ -z "$2" ] || rm -rf -- "$2""#;

impl Guarded {
    /// Starts a program; `folder` is removed if this process is killed.
    pub(crate) fn start(command: &mut Command, folder: Option<&Path>) -> io::Result<Self> {
        let child = command.process_group(0).spawn()?;
        let mut watchdog = Command::new("sh");
        watchdog.args(["-c", WATCH, "watchdog", &child.id().to_string()]);
        watchdog.arg(folder.unwrap_or(Path::new(""))).current_dir("/");
        watchdog.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        Ok(Self { child, watchdog: watchdog.process_group(0).spawn()?, ended: false })
    }

    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal to the program, not to what it started.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal)
            .expect("a child that was not waited for can be signalled");
    }

    /// Stops the program, and waits until all of its threads have: a signal is only on its way when it was sent, and a
    /// program that runs on for a moment answers whatever comes in then.
    pub(crate) fn suspend(&self) {
        self.signal(Signal::STOP);
        let child = WaitId::Pid(Pid::from_child(&self.child));
        let stopped = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        waitid(child, stopped).expect("a child can be waited for");
    }

    /// How the program ended, if it has by `deadline`. What it started ends with it.
    pub(crate) fn ended_by(&mut self, deadline: Instant) -> Option<ExitStatus> {
        while !self.ended && self.goes_on() {
            if Instant::now() >= deadline {
                return None;
            }
            thread::sleep(Duration::from_millis(2));
        }
        self.end();
        self.child.wait().ok()
    }

    fn goes_on(&self) -> bool {
        let child = WaitId::Pid(Pid::from_child(&self.child));
        // It is left to be waited for: until then its id cannot be another's.
        let looks = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        waitid(child, looks).expect("a child can be waited for").is_none()
    }

    fn end(&mut self) {
        if self.ended {
            return;
        }
        self.ended = true;
        let started = started_by(self.child.id());
        // Before anybody waits for the child its id cannot be another's, even if it has died.
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        for id in started {
            end(id);
        }
        let _ = self.watchdog.kill();
        let _ = self.watchdog.wait();
        let _ = self.child.wait();
    }
}

/// What a process started, and what that did. `PostgreSQL` gives each connection a group of its own, and it answers on
/// for a moment after the server was killed.
fn started_by(id: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten();
    let lists = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    let children: Vec<u32> =
        lists.flat_map(|list| list.split(' ').filter_map(|id| id.parse().ok()).collect::<Vec<_>>()).collect();
    children.into_iter().flat_map(|id| [vec![id], started_by(id)].concat()).collect()
}

/// Kills a process, and waits until it is gone.
fn end(id: u32) {
    let deadline = Instant::now() + PATIENCE;
    let Some(pid) = Pid::from_raw(id.cast_signed()) else { return };
    let _ = kill_process(pid, Signal::KILL);
    // Who has died is listed until its parent asks, as a zombie.
    let lives = || fs::read_to_string(format!("/proc/{id}/stat")).is_ok_and(|stat| !stat.contains(") Z "));
    while lives() && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(1));
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.end();
    }
}
