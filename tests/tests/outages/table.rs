//! What a fault did.

use std::fmt;
use std::time::Duration;

use crate::visitors::Tally;

/// How long a site may take to be itself again, on a machine that has much else to do. The table shows how long it
/// took.
pub(crate) const RECOVERY: Duration = Duration::from_secs(120);

/// One fault, and what became of requests and sessions.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) fault: &'static str,
    pub(crate) tally: Tally,
    /// Whether visitors came while it lasted, and some were refused.
    pub(crate) felt: bool,
    /// Whether all was well for every visitor in time.
    pub(crate) recovered: bool,
    pub(crate) lost: usize,
    pub(crate) resurrected: usize,
}

impl Row {
    /// Fails with what was wrong.
    pub(crate) fn check(&self) {
        let Self { fault, tally, felt, recovered, lost, resurrected } = self;
        assert!(tally.wrong.is_empty(), "{fault}: {:#?}", tally.wrong);
        assert_eq!((*lost, *resurrected), (0, 0), "{fault}: sessions lost and resurrected");
        assert!(*felt, "{fault}: there was traffic, and it was one: {tally:?}");
        assert!(*recovered && tally.recovery < RECOVERY, "{fault}: {:?}", tally.recovery);
    }
}

/// Prints the table as Markdown.
pub(crate) fn print(rows: &[Row]) {
    println!("| fault | requests | 503 | wrong | lost | resurrected | slowest | recovery |");
    println!("|---|---:|---:|---:|---:|---:|---:|---:|");
    for row in rows {
        println!("{row}");
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { fault, tally, lost, resurrected, .. } = self;
        let Tally { requests, refused, wrong, slowest, recovery, .. } = tally;
        let (wrong, slowest, recovery) = (wrong.len(), slowest.as_secs_f32(), recovery.as_secs_f32());
        write!(f, "| {fault} | {requests} | {refused} | {wrong} | {lost} | {resurrected} ")?;
        write!(f, "| {slowest:.2} s | {recovery:.2} s |")
    }
}
