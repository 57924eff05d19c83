//! A real directory before a real table, while the directory fails: who gets in, and who is told what.
//!
//! `cargo nextest run --success-output immediate -E 'binary(directory)'` shows the table.

mod chains;
mod faults;

use std::time::Duration;

use auth_core::DeniedKind;
use chains::{ASKED, Asked, Chains, POLICIES, WITHIN};
use faults::{FAULTS, Servers};

/// What the chain says to one of [`ASKED`], by policy.
#[derive(Debug)]
struct Answer {
    policy: &'static str,
    asked: &'static Asked,
    said: Result<(), DeniedKind>,
    took: Duration,
}

/// One test, so that the table is one.
#[tokio::test(flavor = "multi_thread")]
async fn every_fault() {
    let mut servers = Servers::start();
    let chains = Chains::new(&servers).await;
    println!("| fault | who | {} | slowest |", POLICIES.join(" | "));
    println!("|---|---|---|---|---|---:|");
    check("none", &chains.ask_all().await, |asked, _| asked.healthy());
    for fault in &FAULTS {
        chains.warm().await;
        (fault.begin)(&mut servers);
        let answers = chains.ask_all().await;
        (fault.end)(&mut servers);
        check(fault.name, &answers, Asked::in_outage);
        chains.recover(fault.name).await;
    }
}

/// Prints the answers, and fails with those that are wrong or late.
fn check(fault: &str, answers: &[Answer], expected: impl Fn(&Asked, &str) -> Result<(), DeniedKind>) {
    assert_eq!(answers.len(), ASKED.len() * POLICIES.len());
    for asked in &ASKED {
        let answers: Vec<_> = answers.iter().filter(|answer| answer.asked.name == asked.name).collect();
        let said: Vec<_> =
            answers.iter().map(|answer| told(answer, expected(asked, answer.policy))).collect();
        let slowest = answers.iter().map(|answer| answer.took).max().unwrap_or_default().as_secs_f32();
        println!("| {fault} | {} | {} | {slowest:.2} s |", asked.name, said.join(" | "));
    }
    for Answer { policy, asked, said, took } in answers {
        assert_eq!(*said, expected(asked, policy), "{fault}: {} by {policy}", asked.name);
        assert!(*took < WITHIN, "{fault}: {} by {policy} waited {took:?}", asked.name);
    }
}

/// What was observed, and what should have been.
fn told(answer: &Answer, expected: Result<(), DeniedKind>) -> String {
    let word = |said: Result<(), DeniedKind>| match said {
        Ok(()) => "in",
        Err(DeniedKind::Unavailable) => "503",
        Err(_) => "401",
    };
    if answer.said == expected {
        word(expected).into()
    } else {
        format!("**{}, not {}**", word(answer.said), word(expected))
    }
}
