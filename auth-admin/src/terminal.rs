//! Input and output in a terminal.

use std::io::{self, IsTerminal, Read, Write};
#[cfg(unix)]
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use auth_core::{Password, Secret};
#[cfg(unix)]
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::sync::oneshot;

use crate::failure::Failure;

/// Standard input and error, as they were at the start.
pub(crate) struct Terminal {
    is_interactive: bool,
    #[cfg(unix)]
    before: Option<Termios>,
    #[cfg(unix)]
    is_hidden: AtomicBool,
}

impl Terminal {
    pub(crate) fn new() -> Self {
        Self {
            is_interactive: io::stdin().is_terminal(),
            #[cfg(unix)]
            before: tcgetattr(rustix::stdio::stdin()).ok(),
            #[cfg(unix)]
            is_hidden: AtomicBool::new(false),
        }
    }

    /// Whether there is somebody to answer a question.
    pub(crate) fn is_interactive(&self) -> bool {
        self.is_interactive
    }

    /// Writes a line to standard error. Nobody may be reading.
    #[expect(clippy::unused_self, reason = "what is told goes the way of what is asked")]
    pub(crate) fn tell(&self, text: &str) {
        let _ = writeln!(io::stderr(), "{text}");
    }

    /// Asks for a line.
    pub(crate) async fn ask(&self, question: &str) -> Result<String, Failure> {
        write!(io::stderr(), "{question}")?;
        let line = apart(|| {
            let mut line = String::new();
            io::stdin().read_line(&mut line).map(|_| line)
        });
        match line.await? {
            line if line.is_empty() => Err(Failure::refused("nothing was answered")),
            line => Ok(line.trim().to_owned()),
        }
    }

    /// Asks a question that only a yes confirms.
    pub(crate) async fn agrees(&self, question: &str) -> Result<bool, Failure> {
        let answer = self.ask(&format!("{question} [y/N] ")).await?;
        Ok(answer.eq_ignore_ascii_case("y") || answer.eq_ignore_ascii_case("yes"))
    }

    /// Asks for a line without showing it.
    pub(crate) async fn ask_hidden(&self, question: &'static str) -> Result<Secret, Failure> {
        // Before the question appears: what is typed early is not shown either.
        self.hide();
        let line = apart(move || rpassword::prompt_password(question)).await;
        self.restore();
        match line {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(Failure::refused("nothing was answered"))
            }
            line => Ok(Secret::new(line?)),
        }
    }

    #[cfg(unix)]
    fn hide(&self) {
        if let Some(before) = &self.before {
            let mut hidden = before.clone();
            // Without ISIG, Ctrl-C is an ordinary key, and only the reader can end the question.
            hidden.local_modes -= LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ISIG;
            self.is_hidden.store(true, Ordering::Relaxed);
            let _ = tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, &hidden);
        }
    }

    /// Restores the terminal's settings, so that an operator who interrupts a hidden question sees what they type
    /// next. Otherwise it stays untouched: the system stops a background program that changes it.
    #[cfg(unix)]
    pub(crate) fn restore(&self) {
        if let Some(before) = &self.before
            && self.is_hidden.swap(false, Ordering::Relaxed)
        {
            let _ = tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, before);
        }
    }

    /// Whether a hidden question is being asked.
    #[cfg(unix)]
    pub(crate) fn is_hidden(&self) -> bool {
        self.is_hidden.load(Ordering::Relaxed)
    }

    #[cfg(not(unix))]
    fn hide(&self) {}

    #[cfg(not(unix))]
    pub(crate) fn is_hidden(&self) -> bool {
        false
    }

    #[cfg(not(unix))]
    pub(crate) fn restore(&self) {}
}

/// Reads a password from standard input: everything except the final line ending.
pub(crate) async fn password_from_stdin() -> Result<Secret, Failure> {
    let limit = Password::MAX_PASSWORD_LEN + "\r\n".len();
    let read = apart(move || {
        // Large enough for all of it: a text that grows leaves copies behind.
        let mut text = String::with_capacity(limit + 1);
        io::stdin().take(limit as u64 + 1).read_to_string(&mut text).map(|_| text)
    });
    let mut text = read.await.map_err(|_| Failure::refused("the password on standard input is not UTF-8"))?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let len = line.strip_suffix('\r').unwrap_or(line).len();
    text.truncate(len);
    let password = Secret::new(text);
    if password.expose().contains(['\n', '\r']) {
        return Err(Failure::refused("there is more than one line on standard input"));
    }
    Ok(password)
}

/// On a thread that the end of the program does not wait for, since it may wait for a key forever.
async fn apart<T: Send + 'static>(read: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    let (sender, receiver) = oneshot::channel();
    thread::Builder::new().spawn(move || sender.send(read()))?;
    receiver.await.unwrap_or_else(|_| Err(io::ErrorKind::Interrupted.into()))
}
