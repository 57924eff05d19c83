//! A child process that does not outlive this one.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use std::{io, thread};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// How long a program may take to start or to end.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

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
        let child = command.stdin(Stdio::null()).process_group(0).spawn()?;
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

    /// How the program ended, if it has by `deadline`.
    pub(crate) fn ended_by(&mut self, deadline: Instant) -> Option<ExitStatus> {
        loop {
            let status = self.child.try_wait().expect("a child can be waited for");
            if status.is_some() {
                self.ended = true;
                self.stop_watching();
            }
            if status.is_some() || Instant::now() >= deadline {
                return status;
            }
            thread::sleep(Duration::from_millis(2));
        }
    }

    fn stop_watching(&mut self) {
        let _ = self.watchdog.kill();
        let _ = self.watchdog.wait();
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        // Before anybody waits for the child its id cannot be another's, even if it has died.
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        self.stop_watching();
        let _ = self.child.wait();
    }
}
