//! Progress of long operations.

use std::io::{self, IsTerminal, Write};

use indicatif::{ProgressBar, ProgressStyle};

/// How many steps lie between two plain lines.
const LINE_EVERY: u64 = 5_000;

/// A bar in a terminal, or a line now and then elsewhere. Both go to standard error.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    what: &'static str,
    of: Option<u64>,
    done: u64,
}

impl Progress {
    /// An operation of this many steps.
    pub(crate) fn new(what: &'static str, steps: u64) -> Self {
        let style = ProgressStyle::with_template("{msg} {bar:30} {human_pos}/{human_len} ({eta} left)");
        Self::with(what, Some(steps), || {
            let bar = ProgressBar::new(steps);
            if let Ok(style) = style { bar.with_style(style) } else { bar }
        })
    }

    /// An operation of unknown length.
    pub(crate) fn without_end(what: &'static str) -> Self {
        let style = ProgressStyle::with_template("{spinner} {msg} {human_pos}");
        Self::with(what, None, || {
            let bar = ProgressBar::no_length();
            if let Ok(style) = style { bar.with_style(style) } else { bar }
        })
    }

    fn with(what: &'static str, of: Option<u64>, bar: impl FnOnce() -> ProgressBar) -> Self {
        let bar = io::stderr().is_terminal().then(|| bar().with_message(what));
        Self { bar, what, of, done: 0 }
    }

    pub(crate) fn advance(&mut self, steps: u64) {
        let lines = self.done / LINE_EVERY;
        self.done += steps;
        match &self.bar {
            Some(bar) => bar.inc(steps),
            None if self.done / LINE_EVERY > lines => self.tell(&self.line()),
            None => (),
        }
    }

    /// Writes a permanent line to standard error.
    pub(crate) fn tell(&self, text: &str) {
        self.beside(|| {
            // Nobody may be reading.
            let _ = writeln!(io::stderr(), "{text}");
        });
    }

    /// Runs a function that writes permanent output.
    pub(crate) fn beside<T>(&self, write: impl FnOnce() -> T) -> T {
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    /// Removes the bar, and returns how much was done.
    pub(crate) fn finish(self) -> u64 {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        self.done
    }

    fn line(&self) -> String {
        match self.of {
            Some(of) => format!("{} {} of {of}", self.what, self.done),
            None => format!("{} {}", self.what, self.done),
        }
    }
}
