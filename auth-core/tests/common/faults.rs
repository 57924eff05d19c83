//! Whether a suite finds the faults of a model.

use std::any::Any;
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs a suite over a model with this fault; what it said, if it did not fail by the rule that names the fault.
pub(crate) fn missed<F: Future<Output = ()>>(
    fault: &impl Debug,
    rule: &str,
    suite: impl FnOnce() -> F,
) -> Option<String> {
    // One thread: tasks that meet all take their first step before any takes its second, however busy the machine is.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let Err(panic) = catch_unwind(AssertUnwindSafe(|| runtime.block_on(suite()))) else {
        return Some(format!("{fault:?}: not found"));
    };
    let said = text(&*panic);
    (!said.contains(rule)).then(|| format!("{fault:?}: {said}"))
}

/// What a panic said.
pub(crate) fn text(panic: &(dyn Any + Send)) -> String {
    let said = panic.downcast_ref::<String>().cloned();
    said.or_else(|| panic.downcast_ref::<&str>().map(|said| (*said).into())).unwrap_or_default()
}
