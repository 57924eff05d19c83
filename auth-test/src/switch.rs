//! What a backend or a store does when it is asked.

use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What to do next. Clones are one switch.
#[derive(Clone, Debug, Default)]
pub(crate) struct Switch(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    mode: Mode,
    asked: u64,
}

#[derive(Clone, Copy, Debug, Default)]
enum Mode {
    #[default]
    Works,
    Fails,
    FailsNext(u64),
    Hangs,
}

/// It is to fail.
pub(crate) struct Down;

impl Switch {
    pub(crate) fn fail(&self) {
        self.state().mode = Mode::Fails;
    }

    pub(crate) fn fail_next(&self, times: u64) {
        self.state().mode = Mode::FailsNext(times);
    }

    pub(crate) fn hang(&self) {
        self.state().mode = Mode::Hangs;
    }

    pub(crate) fn recover(&self) {
        self.state().mode = Mode::Works;
    }

    pub(crate) fn asked(&self) -> u64 {
        self.state().asked
    }

    /// Counts a question, and does as it is told.
    pub(crate) async fn ask(&self) -> Result<(), Down> {
        match self.next() {
            Mode::Works => Ok(()),
            Mode::Fails | Mode::FailsNext(_) => Err(Down),
            Mode::Hangs => pending().await,
        }
    }

    fn next(&self) -> Mode {
        let mut state = self.state();
        state.asked += 1;
        let mode = match state.mode {
            Mode::FailsNext(0) => Mode::Works,
            mode => mode,
        };
        state.mode = match mode {
            Mode::FailsNext(times) => Mode::FailsNext(times - 1),
            mode => mode,
        };
        mode
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
